//! Tree -> checked config: every field, its default and its limits.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use keyward_admin::field::{Length, Usd};
use keyward_domain::port::Durability;
use keyward_limit::queue::{DEFAULT_PLACES, Places};

use super::checked::{
    Attempts, Config, DEFAULT_ADMIN, DEFAULT_DATA, DEFAULT_KEY_FILE, DEFAULT_STORE, Deadlines, Limits, Listen, Log,
    LogFormat, LogLevel, OnDisconnect, Queue, VaultRoot,
};
use super::node::Node;
use super::problem::Report;
use super::section::{Field, Names, Section};
use super::{aliases, allowances, counters, providers};

const ROOT: Names = Names {
    known: &[
        "listen",
        "store",
        "counters",
        "vault",
        "ledger",
        "limits",
        "deadlines",
        "on_disconnect",
        "workers",
        "attempts",
        "queue",
        "health",
        "max_connections",
        "log",
        "telemetry",
        "providers",
        "aliases",
        "budgets",
        "allow_query_key",
    ],
    later: &[
        "conversations",
        "cache",
        "alerts",
        "retention",
        "tenants",
        "teams",
        "users",
        "oidc",
        "webhooks",
        "backup",
        "strategy",
        "tls",
    ],
};
const LISTEN: Names = Names { known: &["data", "admin", "admin_hosts", "metrics", "insecure"], later: &["tls"] };
const STORE: Names = Names { known: &["url"], later: &[] };
const VAULT: Names = Names { known: &["root", "key_file"], later: &[] };
const LEDGER: Names = Names { known: &["durability"], later: &[] };
const LIMITS: Names = Names {
    known: &[
        "body",
        "upload",
        "in_flight",
        "global",
        "tenants",
        "teams",
        "users",
        "end_users",
        "vkeys",
        "tags",
        "providers",
        "keys",
        "models",
        "per_tenant",
        "per_team",
        "per_user",
        "per_end_user",
        "per_vkey",
        "per_tag",
        "per_provider",
        "per_key",
        "per_model",
    ],
    later: &[],
};
const DEADLINES: Names =
    Names { known: &["connect_ms", "first_content_ms", "idle_ms", "total_ms", "keep_alive_ms"], later: &[] };
const ON_DISCONNECT: Names = Names { known: &["policy", "drain_max_ms", "drain_max"], later: &[] };
const ATTEMPTS: Names = Names { known: &["max", "total_ms", "usd", "explain_header"], later: &[] };
const QUEUE: Names = Names { known: &["wait_ms", "places", "per_tenant"], later: &[] };
const HEALTH: Names = Names { known: &["probe_idle_after"], later: &["paid_probes", "interval"] };
const TELEMETRY: Names = Names { known: &["otlp_endpoint"], later: &["sample", "headers", "payloads"] };
const LOG: Names = Names { known: &["level", "format"], later: &[] };

/// One day: no deadline is longer.
const MAX_DEADLINE_MS: u64 = 24 * 60 * 60 * 1000;
/// One minute: no call waits in line for longer.
const MAX_WAIT_MS: u64 = 60 * 1000;
const DEFAULT_WAIT_MS: u64 = 2_000;
const PLACES: std::ops::RangeInclusive<u64> = 1..=65_536;
const DEFAULT_BODY_BYTES: u64 = 32 << 20;
const DEFAULT_UPLOAD_BYTES: u64 = 64 << 20;
const BODY_BYTES: std::ops::RangeInclusive<u64> = 1024..=1 << 30;
const UPLOAD_BYTES: std::ops::RangeInclusive<u64> = 1024..=4 << 30;
const DEFAULT_IN_FLIGHT: usize = 4_096;
const DEFAULT_MAX_CONNECTIONS: usize = 10_000;
const DEFAULT_MAX_ATTEMPTS: usize = 4;
/// A provider is asked about a key that it was not heard of for this long.
const DEFAULT_PROBE_IDLE_AFTER: Duration = Duration::from_mins(15);
const LEAST_PROBE_IDLE: Duration = Duration::from_mins(1);
const MOST_PROBE_IDLE: Duration = Duration::from_hours(7 * 24);
const DEFAULT_DRAIN: Duration = Duration::from_mins(2);
const DEFAULT_DRAIN_CALLS: usize = 256;

/// The paths of all fields that are read, for the test that compares them with the reference page.
#[cfg(test)]
pub fn known_fields() -> impl Iterator<Item = String> {
    let groups = [
        ("listen", &LISTEN),
        ("store", &STORE),
        ("counters", &super::counters::COUNTERS),
        ("vault", &VAULT),
        ("ledger", &LEDGER),
        ("limits", &LIMITS),
        ("limits.<scope>", &allowances::LIMIT),
        ("budgets", &allowances::BUDGETS),
        ("budgets.<scope>", &allowances::BUDGET),
        ("budgets.<scope>.top_ups[]", &allowances::TOP_UP),
        ("deadlines", &DEADLINES),
        ("on_disconnect", &ON_DISCONNECT),
        ("attempts", &ATTEMPTS),
        ("queue", &QUEUE),
        ("health", &HEALTH),
        ("log", &LOG),
        ("telemetry", &TELEMETRY),
        ("providers.<name>", &providers::PROVIDER),
        ("providers.<name>.rules[]", &super::rules::RULE),
        ("providers.<name>.keys[]", &providers::KEY),
        ("providers.<name>.keys[].limits", &super::terms::LIMITS),
        ("providers.<name>.keys[].budget", &super::terms::BUDGET),
        ("aliases.<name>", &aliases::ALIAS),
        ("aliases.<name>.fallback_on", &aliases::FALLBACK_ON),
    ];
    let is_group =
        move |name: &str| ["providers", "aliases"].contains(&name) || groups.iter().any(|(group, _)| *group == name);
    let alone = ROOT.known.iter().filter(move |name| !is_group(name)).map(|name| (*name).to_owned());
    let grouped =
        groups.into_iter().flat_map(|(group, names)| names.known.iter().map(move |name| format!("{group}.{name}")));
    // What is set on scopes is the same for all of them.
    let is_scope = |path: &str| {
        let rest = path.strip_prefix("limits.").or_else(|| path.strip_prefix("budgets."));
        rest.is_some_and(|rest| allowances::SCOPES.contains(&rest))
    };
    // On disconnect, the policy is read to be refused with a hint; groups inside of groups are not fields themselves.
    let described_elsewhere = move |path: &str| {
        path == "on_disconnect.policy"
            || path == "providers.<name>.keys"
            || path == "providers.<name>.rules"
            || is_scope(path)
            || groups.iter().any(|(group, _)| *group == path)
    };
    alone.chain(grouped).filter(move |path| !described_elsewhere(path))
}

/// The checked config of this tree; problems go into the report, their fields keep the default meanwhile.
pub fn config(root: &Node, report: &Report) -> Config {
    let root = Section::root(root, &ROOT, report);
    let limits_section = root.section("limits", &LIMITS);
    let budgets = root.section("budgets", &allowances::BUDGETS);
    Config {
        listen: listen(&root.section("listen", &LISTEN)),
        store: store(&root),
        vault: vault(&root.section("vault", &VAULT)),
        durability: root
            .section("ledger", &LEDGER)
            .field("durability")
            .and_then(|field| field.word(&[("process", Durability::Process), ("strict", Durability::Strict)]))
            .unwrap_or_default(),
        limits: limits(&root, &limits_section),
        deadlines: deadlines(&root.section("deadlines", &DEADLINES)),
        on_disconnect: on_disconnect(&root.section("on_disconnect", &ON_DISCONNECT)),
        workers: count(root.field("workers"), 1..=256).unwrap_or_else(default_workers),
        attempts: attempts(&root.section("attempts", &ATTEMPTS)),
        queue: queue(&root.section("queue", &QUEUE)),
        probe_idle_after: probe_idle_after(&root.section("health", &HEALTH)),
        allow_query_key: root.field("allow_query_key").and_then(|field| field.boolean()).unwrap_or(false),
        log: log(&root.section("log", &LOG)),
        otlp_endpoint: root.section("telemetry", &TELEMETRY).field("otlp_endpoint").and_then(|field| field.http_url()),
        counters: counters::read(&root.section("counters", &counters::COUNTERS)),
        unknown_price: allowances::unknown_price(&budgets),
        budgets: allowances::budgets(&budgets),
        call_limits: allowances::limits(&limits_section),
        providers: root.field("providers").map(|field| providers::read(&field)).unwrap_or_default(),
        aliases: root.field("aliases").map(|field| aliases::read(&field)).unwrap_or_default(),
    }
}

fn probe_idle_after(section: &Section<'_>) -> Option<Duration> {
    let Some(field) = section.field("probe_idle_after") else { return Some(DEFAULT_PROBE_IDLE_AFTER) };
    let text = field.text()?;
    if text == "off" {
        return None;
    }
    let length = text.parse().ok().map(|length: Length| length.get());
    let length = length.filter(|length| (LEAST_PROBE_IDLE..=MOST_PROBE_IDLE).contains(length));
    if length.is_none() {
        field.wrong("takes a length of time from 1m to 7d, such as `15m`, or `off`");
    }
    length
}

fn listen(section: &Section<'_>) -> Listen {
    let insecure = section.field("insecure").and_then(|field| field.boolean()).unwrap_or(false);
    let address = |name: &str| section.field(name).and_then(|field| bindable(&field, insecure));
    let listen = Listen {
        data: address("data").unwrap_or(DEFAULT_DATA),
        admin: address("admin").unwrap_or(DEFAULT_ADMIN),
        admin_hosts: section.field("admin_hosts").map(|field| hosts(&field)).unwrap_or_default(),
        metrics: address("metrics"),
    };
    let taken =
        |address: SocketAddr| address.port() != 0 && (address == listen.data || Some(address) == listen.metrics);
    if taken(listen.admin)
        && let Some(field) = section.field("admin").or_else(|| section.field("data"))
    {
        field.wrong("the data plane, the control plane and the metrics each need an address of their own");
    }
    listen
}

fn hosts(field: &Field<'_>) -> Vec<String> {
    let host = |item: &Field<'_>| {
        let text = item.text()?;
        let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b".-[]:".contains(&b)) && !text.is_empty();
        if !plain {
            item.wrong("takes a host name without scheme and port, such as `keyward.example.com`");
        }
        Some(text.to_owned())
    };
    field.items().iter().filter_map(host).collect()
}

fn bindable(field: &Field<'_>, insecure: bool) -> Option<SocketAddr> {
    let address = field.address()?;
    if !address.ip().to_canonical().is_loopback() && !insecure {
        field.wrong(format!(
            "`{address}` can be reached from other machines without TLS: bind to 127.0.0.1 behind a proxy that speaks \
             TLS, or accept it with `listen.insecure: true`"
        ));
    }
    Some(address)
}

fn store(root: &Section<'_>) -> PathBuf {
    let section = root.section("store", &STORE);
    let path = section.field("url").and_then(|field| {
        let text = field.text()?;
        let path = text.strip_prefix("sqlite:").map(|path| path.trim_start_matches("//")).filter(|path| !path.is_empty());
        if path.is_none() {
            // Not repeated: such a URL may carry a password.
            field.wrong("takes `sqlite:` and a file such as `sqlite:keyward.db`; other stores are not supported in this version");
        }
        path.map(PathBuf::from)
    });
    path.unwrap_or_else(|| PathBuf::from(DEFAULT_STORE))
}

fn vault(section: &Section<'_>) -> VaultRoot {
    let file = section.field("key_file").and_then(|field| field.text()).unwrap_or(DEFAULT_KEY_FILE);
    let from_file = section
        .field("root")
        .and_then(|field| field.word(&[("key_file", true), ("passphrase", false)]))
        .unwrap_or(true);
    if !from_file && let Some(field) = section.field("key_file") {
        field.wrong("has no meaning with `vault.root: passphrase`: keep one of the two");
    }
    if from_file { VaultRoot::KeyFile(PathBuf::from(file)) } else { VaultRoot::Passphrase }
}

fn limits(root: &Section<'_>, section: &Section<'_>) -> Limits {
    Limits {
        body_bytes: section.field("body").and_then(|field| field.bytes(BODY_BYTES)).unwrap_or(DEFAULT_BODY_BYTES),
        upload_bytes: section
            .field("upload")
            .and_then(|field| field.bytes(UPLOAD_BYTES))
            .unwrap_or(DEFAULT_UPLOAD_BYTES),
        in_flight: count(section.field("in_flight"), 1..=1_000_000).unwrap_or(DEFAULT_IN_FLIGHT),
        max_connections: count(root.field("max_connections"), 1..=1_000_000).unwrap_or(DEFAULT_MAX_CONNECTIONS),
    }
}

fn deadlines(section: &Section<'_>) -> Deadlines {
    let millis = |name: &str, default: u64| {
        let number = section.field(name).and_then(|field| field.number(1..=MAX_DEADLINE_MS));
        Duration::from_millis(number.unwrap_or(default))
    };
    let deadlines = Deadlines {
        connect: millis("connect_ms", 3_000),
        first_content: millis("first_content_ms", 120_000),
        idle: millis("idle_ms", 60_000),
        total: millis("total_ms", 900_000),
        keep_alive: millis("keep_alive_ms", 15_000),
    };
    for (name, length) in [("connect_ms", deadlines.connect), ("first_content_ms", deadlines.first_content)] {
        if length > deadlines.total
            && let Some(field) = section.field(name).or_else(|| section.field("total_ms"))
        {
            field.wrong(format!("`{name}` is longer than `total_ms` ({} ms)", deadlines.total.as_millis()));
        }
    }
    deadlines
}

fn on_disconnect(section: &Section<'_>) -> OnDisconnect {
    if let Some(field) = section.field("policy") {
        field.wrong("is a setting of each virtual key: remove it here and use `keyward vkey create --on-disconnect`");
    }
    OnDisconnect {
        drain_max: section
            .field("drain_max_ms")
            .and_then(|field| field.number(1..=MAX_DEADLINE_MS))
            .map_or(DEFAULT_DRAIN, Duration::from_millis),
        drain_max_calls: count(section.field("drain_max"), 1..=100_000).unwrap_or(DEFAULT_DRAIN_CALLS),
    }
}

fn attempts(section: &Section<'_>) -> Attempts {
    Attempts {
        max: count(section.field("max"), 1..=10).unwrap_or(DEFAULT_MAX_ATTEMPTS),
        total: section.field("total_ms").and_then(|field| field.number(1..=MAX_DEADLINE_MS)).map(Duration::from_millis),
        cost: section.field("usd").and_then(|field| field.parsed::<Usd>()).map(|usd| usd.0),
        explain_header: section
            .field("explain_header")
            .and_then(|field| field.word(&[("off", false), ("on", true)]))
            .unwrap_or(false),
    }
}

fn queue(section: &Section<'_>) -> Queue {
    let wait_ms = section.field("wait_ms").and_then(|field| field.number(0..=MAX_WAIT_MS)).unwrap_or(DEFAULT_WAIT_MS);
    let all = count(section.field("places"), PLACES).unwrap_or(DEFAULT_PLACES);
    let per_tenant = count(section.field("per_tenant"), PLACES);
    let places = Places::new(all);
    let per_tenant = per_tenant.unwrap_or(places.per_tenant);
    Queue { wait: Duration::from_millis(wait_ms), places: Places { per_tenant, ..places } }
}

fn log(section: &Section<'_>) -> Log {
    let levels = [
        ("error", LogLevel::Error),
        ("warn", LogLevel::Warn),
        ("info", LogLevel::Info),
        ("debug", LogLevel::Debug),
        ("trace", LogLevel::Trace),
    ];
    let formats = [("auto", LogFormat::Auto), ("text", LogFormat::Text), ("json", LogFormat::Json)];
    Log {
        level: section.field("level").and_then(|field| field.word(&levels)).unwrap_or(LogLevel::Info),
        format: section.field("format").and_then(|field| field.word(&formats)).unwrap_or(LogFormat::Auto),
    }
}

fn count(field: Option<Field<'_>>, range: std::ops::RangeInclusive<u64>) -> Option<usize> {
    usize::try_from(field?.number(range)?).ok()
}

fn default_workers() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}
