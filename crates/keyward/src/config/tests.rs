//! Every mistake is named with its place and what to do; nothing is silently ignored.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use keyward_admin::field::{Edit, ReachText};
use keyward_domain::alias::TargetOrder;
use keyward_domain::budget::{BudgetKind, HoldMode, Mode, UnknownPrice};
use keyward_domain::ids::{BudgetId, TenantId};
use keyward_domain::judgement::{Blame, Next, Rest, Trouble};
use keyward_domain::limit::{LimitPeriod, Meter, OnLoss};
use keyward_domain::money::{Nanodollars, Picodollars};
use keyward_domain::routing::{Concurrency, FallbackClass, KeyLimits, KeyTerms, Strategy};
use keyward_domain::scope::{Reach, Scope, ScopeKind};
use keyward_domain::time::Timestamp;
use keyward_domain::window::{Period, WeekStart};
use keyward_source::Reference;

use super::{Config, Counters, CountersUrl, EXAMPLE, Environment, FIELDS, VaultRoot, check, variable_for};

fn config(text: &str) -> Config {
    check(text, "keyward.yaml", &Environment::default()).unwrap_or_else(|error| panic!("{error}"))
}

fn refusal(text: &str) -> String {
    check(text, "keyward.yaml", &Environment::default()).expect_err("this config is wrong").to_string()
}

fn with_env(text: &str, variables: &[(&str, &str)]) -> Result<Config, String> {
    check(text, "keyward.yaml", &Environment::of(variables)).map_err(|error| error.to_string())
}

#[test]
fn an_empty_file_gives_the_defaults() {
    for text in ["", "# nothing\n", "listen:\n", "---\n"] {
        let config = config(text);
        assert_eq!(config.listen.data.to_string(), "127.0.0.1:8700");
        assert_eq!(config.listen.admin.to_string(), "127.0.0.1:8701");
        assert_eq!(config.deadlines.connect, Duration::from_secs(3));
        assert_eq!(config.vault, VaultRoot::KeyFile("root.key".into()));
        assert!(!config.allow_query_key);
    }
}

#[test]
fn every_field_can_be_written() {
    let config = config(
        "listen: { data: '127.0.0.1:1', admin: 'localhost:2', metrics: '[::1]:3' }\n\
         store: { url: 'sqlite:other.db' }\n\
         counters: { url: memory }\n\
         vault: { root: passphrase }\n\
         ledger: { durability: strict }\n\
         limits: { body: 2MiB, upload: 3MiB, in_flight: 9 }\n\
         deadlines: { connect_ms: 1, first_content_ms: 2, idle_ms: 3, total_ms: 4, keep_alive_ms: 5 }\n\
         on_disconnect: { drain_max_ms: 6, drain_max: 7 }\n\
         workers: 3\n\
         queue: { wait_ms: 3000, places: 9 }\n\
         attempts: { max: 2, total_ms: 9000, usd: 0.25, explain_header: on }\n\
         max_connections: 1_000\n\
         log: { level: debug, format: json }\n\
         telemetry: { otlp_endpoint: 'http://127.0.0.1:4318' }\n\
         allow_query_key: true\n\
         providers:\n  local: { kind: openai_compatible, base_url: 'http://127.0.0.1:8000/v1', free: true, keys: [ { name: none } ] }\n\
         aliases:\n  fast: { targets: [local/small] }\n",
    );
    assert_eq!(config.listen.metrics.map(|address| address.port()), Some(3));
    assert_eq!(config.store.to_str(), Some("other.db"));
    assert_eq!(config.vault, VaultRoot::Passphrase);
    assert_eq!(config.limits.body_bytes, 2 << 20);
    assert_eq!(config.limits.max_connections, 1000);
    assert_eq!(config.on_disconnect.drain_max_calls, 7);
    assert_eq!(config.workers, 3);
    assert_eq!(
        (config.attempts.max, config.queue.wait, config.attempts.explain_header),
        (2, Duration::from_secs(3), true)
    );
    assert_eq!((config.queue.places.all, config.queue.places.per_tenant), (9, 5));
    assert_eq!(config.providers.len(), 1);
    assert_eq!(config.providers[0].keys[0].reference, None);
    assert_eq!(config.aliases[0].targets[0].deployment, "local/small");
}

#[test]
fn unknown_fields_are_named_with_place_and_nearest_name() {
    assert_eq!(
        refusal("lisen:\n  data: x\n"),
        "keyward.yaml:1:1: `lisen`: is not a known field; did you mean `listen`?"
    );
    assert_eq!(
        refusal("listen:\n  dta: 127.0.0.1:1\n"),
        "keyward.yaml:2:3: `listen.dta`: is not a known field; did you mean `data`?"
    );
    assert_eq!(
        refusal("vault: { colour: red }"),
        "keyward.yaml:1:10: `vault.colour`: is not a known field; known here: root, key_file"
    );
}

#[test]
fn fields_of_later_versions_are_refused_instead_of_ignored() {
    for text in [
        "cache: { exact: off }",
        "providers: { openai: { region: eu } }",
        "providers: { openai: { keys: [ { name: a, key: '${env:A}', organization: x } ] } }",
        "providers: { openai: { keys: [ { name: a, limits: { tpd: 3 } } ] } }",
        "providers: { openai: { keys: [ { name: a, budget: { usd: 1, per: day, zone: Asia/Seoul } } ] } }",
        "aliases: { fast: { targets: [a/b], timeout_ms: 3 } }",
        "listen: { tls: {} }",
    ] {
        assert!(refusal(text).contains("is not supported in this version: remove it"), "{text}: {}", refusal(text));
    }
    assert!(refusal("store: { url: 'postgres://u:hunter2@h/d' }").contains("not supported in this version"));
    assert!(!refusal("store: { url: 'postgres://u:hunter2@h/d' }").contains("hunter2"));
    assert!(refusal("counters: { url: 'redis://:hunter2@h' }").contains("${env:NAME}"));
    assert!(!refusal("counters: { url: 'redis://:hunter2@h' }").contains("hunter2"));
}

#[test]
fn wrong_values_say_what_is_allowed() {
    for (text, expected) in [
        ("workers: many", "keyward.yaml:1:10: `workers`: takes a whole number from 1 to 256, not `many`"),
        ("workers: 0", "takes a whole number from 1 to 256, not `0`"),
        ("limits:\n  body: 10MB", "keyward.yaml:2:9: `limits.body`: takes a size such as `32MiB`"),
        ("ledger: { durability: strikt }", "takes `process` or `strict`, not `strikt`; did you mean `strict`?"),
        ("allow_query_key: yes", "takes `true` or `false`, not `yes`"),
        ("listen: { data: 8700 }", "takes an address and a port such as `127.0.0.1:8700`, not `8700`"),
        ("listen: 127.0.0.1:8700", "`listen`: takes a group of fields, not a single value"),
        ("workers: [1]", "`workers`: takes a single value, not a list"),
        ("deadlines: { connect_ms: 900001 }", "`connect_ms` is longer than `total_ms` (900000 ms)"),
        ("listen: { data: 127.0.0.1:8701 }", "each need an address of their own"),
        ("providers: { OpenAI: {} }", "names are 1 to 64 of a-z"),
        ("providers: { x: { base_url: 'https://u@h' } }", "is not a usable base URL: "),
        ("providers: { x: { keys: [ { key: '${env:A}' } ] } }", "every key needs a `name`"),
        ("providers: { x: { keys: [ { name: a }, { name: a } ] } }", "two keys are called `a`"),
        ("aliases: { fast: {} }", "needs `targets`"),
        ("aliases: { fast: { targets: [gpt] } }", "written provider/model"),
    ] {
        let said = refusal(text);
        assert!(said.contains(expected), "{text}: {said}");
    }
}

#[test]
fn yaml_that_could_surprise_is_refused() {
    for (text, expected) in [
        ("workers: 1\nworkers: 2", "keyward.yaml:2:1: `workers`: is given twice; the first is at keyward.yaml:1:1"),
        ("a: &x 1\nb: *x", "aliases (`*name`) are not supported"),
        ("workers: !!int 1", "tags (`!name`) are not supported"),
        ("a: 1\n---\nb: 2", "a second document"),
        ("listen: [", "this is not valid YAML"),
        ("? {a: b}\n: c", "a field name must be plain text"),
    ] {
        let said = refusal(text);
        assert!(said.contains(expected), "{text}: {said}");
    }
    let deep = format!("a: {}{}", "[".repeat(40), "]".repeat(40));
    assert!(refusal(&deep).contains("too deep"));
}

#[test]
fn all_mistakes_are_told_at_once() {
    let said = refusal("lisen: 1\nworkers: x\nlog: { level: loud }\n");
    assert_eq!(said.lines().count(), 3, "{said}");
}

#[test]
fn a_key_itself_is_refused_and_never_repeated() {
    let secret = format!("sk-{}-{}", "test", "0123456789abcdef");
    let said = refusal(&format!("providers: {{ openai: {{ keys: [ {{ name: a, key: {secret} }} ] }} }}"));
    assert!(said.contains("this is not a reference"), "{said}");
    assert!(!said.contains(&secret), "{said}");
}

#[test]
fn other_machines_are_let_in_only_on_request() {
    let said = refusal("listen: { data: '0.0.0.0:8700' }");
    assert!(said.contains("keyward.yaml:1:17: `listen.data`") && said.contains("listen.insecure: true"), "{said}");
    assert_eq!(config("listen: { data: '0.0.0.0:8700', insecure: true }").listen.data.port(), 8700);
}

#[test]
fn the_reference_describes_exactly_the_fields_that_are_read() {
    let read: BTreeSet<String> = super::read::known_fields().collect();
    let described: BTreeSet<String> = FIELDS.iter().map(|field| field.path.to_owned()).collect();
    assert_eq!(read, described);
    let config = config(EXAMPLE);
    assert_eq!((config.providers.len(), config.aliases.len()), (2, 2));
}

#[test]
fn every_described_field_can_be_overridden() {
    for field in FIELDS.iter().filter(|field| !field.path.contains("[]")) {
        let path = field.path.replace("<name>", "some").replace("<scope>", "global");
        // A value that no field takes, so that the field itself has to be the one to complain.
        let said = with_env("", &[(&variable_for(&path), "[[]]")]).expect_err("no field takes that");
        assert!(said.contains(&format!("`{path}")), "{path}: {said}");
    }
}

#[test]
fn the_environment_overrides_every_field() {
    let config = with_env(
        "listen: { data: 127.0.0.1:1 }\nproviders: { my-box: { kind: openai } }",
        &[
            ("KEYWARD_LISTEN__DATA", "127.0.0.1:9"),
            ("KEYWARD_WORKERS", "2"),
            ("KEYWARD_LEDGER__DURABILITY", "strict"),
            ("KEYWARD_PROVIDERS__MY_BOX__FREE", "true"),
            ("KEYWARD_PROVIDERS__OTHER__KEYS", "[{ name: a, key: '${env:A}' }]"),
            ("KEYWARD_HOME", "/elsewhere"),
            ("KEYWARD_PORT_8700_TCP_ADDR", "10.0.0.1"),
        ],
    )
    .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(config.listen.data.port(), 9);
    assert_eq!(config.workers, 2);
    assert!(config.providers.iter().any(|provider| provider.name == "my-box" && provider.free));
    assert!(config.providers.iter().any(|provider| provider.name == "other" && provider.keys.len() == 1));
}

#[test]
fn overrides_are_checked_like_the_file() {
    for (variable, value, expected) in [
        ("KEYWARD_LISTEN__DTA", "x", "KEYWARD_LISTEN__DTA: `listen.dta`: is not a known field; did you mean `data`?"),
        ("KEYWARD_WORKERS", "x", "KEYWARD_WORKERS: `workers`: takes a whole number"),
        ("KEYWARD_WORKERS", "", "KEYWARD_WORKERS: `workers`: is empty"),
        ("KEYWARD_LISTEN__", "x", "is not the name of a field"),
        ("KEYWARD_PROVIDERS", "{a", "this is not valid YAML"),
    ] {
        let said = with_env("", &[(variable, value)]).expect_err("this override is wrong");
        assert!(said.contains(expected), "{variable}: {said}");
    }
}

#[test]
fn a_collector_is_reached_over_http() {
    for url in ["http://127.0.0.1:4318", "https://collector.example/otlp"] {
        assert!(config(&format!("telemetry: {{ otlp_endpoint: '{url}' }}")).otlp_endpoint.is_some(), "{url}");
    }
    for url in ["sandbox://built-in", "grpc://127.0.0.1:4317", "127.0.0.1:4318"] {
        let refusal = refusal(&format!("telemetry: {{ otlp_endpoint: '{url}' }}"));
        assert!(refusal.contains("keyward.yaml:1:"), "{url}: {refusal}");
        assert!(refusal.contains("start it with https:// or http://"), "{url}: {refusal}");
    }
}

/// The config of the key `a` of the provider `x` with these fields.
fn with_key(fields: &str) -> String {
    format!("providers: {{ x: {{ keys: [ {{ name: a, {fields} }} ] }} }}")
}

#[test]
fn a_key_has_terms() {
    let config = config(
        "providers:\n  openai:\n    strategy: least_used\n    concurrency: 40\n    keys:\n      - { name: primary, key: '${env:A}', quota_group: acme, \
         weight: 3, tier: 1,\n          limits: { rpm: 500, tpm: 200_000, rpd: 10000, concurrency: 40 }, budget: { usd: 100.5, \
         per: day }, expires: 2027-03-01,\n          models: ['gpt-4o*', '*-mini'], tags: { tier: paid } }\n      - { name: \
         plain, key: '${env:B}' }\n",
    );
    let provider = &config.providers[0];
    assert_eq!((provider.strategy, provider.concurrency), (Strategy::LeastUsed, Concurrency::UpTo(40)));
    let expected = KeyTerms {
        quota_group: Some("acme".to_owned()),
        weight: 3,
        tier: 1,
        models: vec!["gpt-4o*".to_owned(), "*-mini".to_owned()],
        tags: [("tier".to_owned(), "paid".to_owned())].into(),
        limits: KeyLimits {
            rpm: Some(500),
            tpm: Some(200_000),
            rpd: Some(10_000),
            concurrency: Some(40),
            daily_cost: Some(Nanodollars(100_500_000_000)),
        },
        expires_at: Some(Timestamp::from_unix_millis(1_803_859_200_000)),
    };
    assert_eq!(provider.keys[0].terms, expected);
    assert_eq!(provider.keys[1].terms, KeyTerms::default());
}

#[test]
fn a_key_that_has_ended_does_not_keep_a_server_from_starting() {
    let config = config(&with_key("expires: 2001-01-01T00:00:00+09:00"));
    assert!(config.providers[0].keys[0].terms.expires_at.is_some());
}

#[test]
fn wrong_terms_say_what_is_allowed() {
    for (fields, expected) in [
        ("weight: 0", "`providers.x.keys[0].weight`: takes a whole number from 1 to 1000, not `0`"),
        ("weight: heavy", "takes a whole number from 1 to 1000, not `heavy`"),
        ("weigth: 3", "`providers.x.keys[0].weigth`: is not a known field; did you mean `weight`?"),
        ("tier: 256", "takes a whole number from 0 to 255, not `256`"),
        ("quota_group: Acme Inc", "`providers.x.keys[0].quota_group`: names are 1 to 64 of"),
        ("models: gpt-4o", "`providers.x.keys[0].models`: takes a list, not a single value"),
        ("models: ['gpt 4']", "`providers.x.keys[0].models[0]`: model names are 1 to 200 printable"),
        ("tags: [a]", "`providers.x.keys[0].tags`: takes a group of fields, not a list"),
        ("tags: { A: b }", "`providers.x.keys[0].tags`: tags are at most 16 names"),
        ("limits: { rpm: 0 }", "`providers.x.keys[0].limits.rpm`: takes a whole number from 1 to"),
        ("limits: { rmp: 1 }", "is not a known field; did you mean `rpm`?"),
        ("limits: 500", "`providers.x.keys[0].limits`: takes a group of fields"),
        (
            "budget: { usd: 100 }",
            "`providers.x.keys[0].budget`: needs an amount and its window: `{ usd: 100, per: day }`",
        ),
        ("budget: { per: day }", "needs an amount and its window"),
        ("budget: { usd: 100, per: month }", "`providers.x.keys[0].budget.per`: takes only `day`, not `month`"),
        ("budget: { usd: 0, per: day }", "`providers.x.keys[0].budget.usd`: write amounts"),
        ("budget: { usd: 1e3, per: day }", "write amounts as texts of dollars above zero"),
        ("budget: { usd: 0.0000000001, per: day }", "at most nine decimals"),
        ("expires: soon", "`providers.x.keys[0].expires`: write moments like 2026-11-20T09:30:00Z or 2026-11-20"),
        ("expires: 2027-02-30", "write moments like"),
    ] {
        let said = refusal(&with_key(fields));
        assert!(said.starts_with("keyward.yaml:1:") && said.contains(expected), "{fields}: {said}");
    }
    let said = refusal("providers: { x: { strategy: adaptiv } }");
    assert!(said.starts_with("keyward.yaml:1:29: `providers.x.strategy`: takes `adaptive`, `round_robin`"), "{said}");
    assert!(said.ends_with("or `single`, not `adaptiv`; did you mean `adaptive`?"), "{said}");
    for concurrency in ["0", "many", "1000001", "[4]"] {
        let said = refusal(&format!("providers: {{ x: {{ concurrency: {concurrency} }} }}"));
        assert!(said.starts_with("keyward.yaml:1:32: `providers.x.concurrency`: takes "), "{said}");
    }
    let secret = format!("sk-{}-{}", "test", "0123456789abcdef");
    for fields in ["quota_group: SECRET", "models: ['SECRET x']", "tags: { a: SECRET }", "expires: SECRET"] {
        let said = refusal(&with_key(&fields.replace("SECRET", &secret)));
        assert!(!said.contains(&secret), "{said}");
    }
}

#[test]
fn an_alias_has_a_strategy_weights_and_fallbacks() {
    let config = config(
        "aliases:\n  fast: { targets: [openai/small, anthropic/haiku], strategy: cost_optimized, fallback: [gemini/flash] }\n  \
         smart: { targets: [{ deployment: anthropic/opus, weight: 3 }, openai/big], fallback_on: { context_too_long: \
         [gemini/pro], overloaded: [openai/big] } }\n  even: { targets: [a/b, c/d], strategy: weighted }\n",
    );
    let texts =
        |targets: &[super::FileTarget]| targets.iter().map(|target| target.deployment.clone()).collect::<Vec<_>>();
    let [fast, smart, even] = &config.aliases[..] else { panic!("three aliases") };
    assert_eq!((fast.order, &fast.weights[..]), (TargetOrder::CostOptimized, &[][..]));
    assert_eq!(texts(&fast.fallback[&FallbackClass::Any]), ["gemini/flash"]);
    assert_eq!((smart.order, &smart.weights[..]), (TargetOrder::Weighted, &[3, 1][..]));
    assert_eq!(texts(&smart.targets), ["anthropic/opus", "openai/big"]);
    assert_eq!(texts(&smart.fallback[&FallbackClass::ContextTooLong]), ["gemini/pro"]);
    assert_eq!(texts(&smart.fallback[&FallbackClass::Overloaded]), ["openai/big"]);
    assert_eq!((even.order, &even.weights[..]), (TargetOrder::Weighted, &[][..]));
}

#[test]
fn wrong_aliases_say_what_is_allowed() {
    for (fields, expected) in [
        (
            "targets: [a/b], strategy: adaptive",
            "takes `listed`, `weighted`, `cost_optimized` or `latency`, not `adaptive`",
        ),
        ("targets: [a/b], strategy: wieghted", "did you mean `weighted`?"),
        ("targets: []", "`aliases.fast.targets`: takes 1 to 16 targets"),
        ("targets: [{ weight: 3 }]", "`aliases.fast.targets[0]`: needs a `deployment`"),
        (
            "targets: [{ deployment: a/b, weight: 0 }]",
            "`aliases.fast.targets[0].weight`: takes a whole number from 1 to 1000",
        ),
        ("targets: [{ deployment: a/b, wieght: 1 }]", "did you mean `weight`?"),
        ("targets: [{ deployment: a/b, weight: 2 }], strategy: latency", "`aliases.fast.strategy`: weights count with"),
        ("targets: [a/b], fallback: c/d", "`aliases.fast.fallback`: takes a list"),
        ("targets: [a/b], fallback: [c]", "`aliases.fast.fallback[0]`: a target is written provider/model"),
        ("targets: [a/b], fallback: [fast]", "`aliases.fast.fallback[0]`: `fast` is an alias"),
        (
            "targets: [a/b], fallback: [a/b]",
            "`aliases.fast.fallback[0]`: of `fast`: this is what the alias stands for already",
        ),
        ("targets: [a/b], fallback: [c/d, c/d]", "`aliases.fast.fallback[1]`: is named twice; the first is at"),
        ("targets: [a/b], fallback_on: { overload: [c/d] }", "did you mean `overloaded`?"),
        (
            "targets: [a/b], fallback_on: { overloaded: [a/b] }",
            "`aliases.fast.fallback_on.overloaded[0]`: of `fast`: this is all",
        ),
    ] {
        let said = refusal(&format!("aliases: {{ fast: {{ {fields} }} }}"));
        assert!(said.starts_with("keyward.yaml:1:") && said.contains(expected), "{fields}: {said}");
    }
}

#[test]
fn a_provider_has_rules() {
    let config = config(
        "providers:\n  openai:\n    rules:\n      - { status: 429, contains: daily cap, blame: account, lasts: 6h }\n      \
         - { code: x, blame: request, lasts: moment, next: give_up, trouble: bad_request, reason: ours }\n",
    );
    let [cap, ours] = &config.providers[0].rules[..] else { panic!("two rules") };
    assert_eq!((cap.status, cap.contains.as_deref()), (Some(429), Some("daily cap")));
    assert_eq!((cap.blame, cap.lasts), (Blame::Account, Rest::For(Duration::from_hours(6))));
    assert_eq!((ours.next, ours.trouble), (Some(Next::GiveUp), Some(Trouble::BadRequest)));
}

#[test]
fn a_rule_that_makes_no_sense_says_where_and_why() {
    let canary = format!("sk-{}-0123456789abcdef", "canary");
    for (rule, said) in [
        ("{ blame: key, lasts: human }", "would fit every answer"),
        ("{ code: x, lasts: human }", "every rule says whose trouble it is (`blame`) and how long it `lasts`"),
        ("{ code: x, blame: keys, lasts: human }", "did you mean `key`?"),
        ("{ code: x, blame: key, lasts: soon }", "`lasts` is `moment`, `human`, or a length"),
        ("{ code: x, blame: key, lasts: 33d }", "at most 32 days"),
        ("{ status: 302, blame: key, lasts: human }", "`status` is 200 or from 400 to 599"),
        ("{ status: 99, blame: key, lasts: human }", "takes a whole number from 200 to 599"),
        ("{ code: x, blame: request, lasts: human, next: retry }", "request's own fault"),
        ("{ code: x, blame: key, lasts: human, untill: 1 }", "is not a known field"),
        ("x", "takes a group of fields"),
    ] {
        let refusal = refusal(&format!("providers:\n  x:\n    rules:\n      - {rule}\n"));
        assert!(refusal.contains("keyward.yaml:4:"), "{rule}: {refusal}");
        assert!(refusal.contains("providers.x.rules[0]") && refusal.contains(said), "{rule}: {refusal}");
    }
    let secret =
        refusal(&format!("providers:\n  x:\n    rules:\n      - {{ code: x, blame: key, lasts: {canary} }}\n"));
    assert!(!secret.contains("canary"), "{secret}");
}

#[test]
fn idle_keys_are_asked_about_unless_that_is_off() {
    assert_eq!(config("").probe_idle_after, Some(Duration::from_mins(15)));
    assert_eq!(config("health: { probe_idle_after: 2h }").probe_idle_after, Some(Duration::from_hours(2)));
    assert_eq!(config("health: { probe_idle_after: off }").probe_idle_after, None);
    for wrong in ["30s", "8d", "15", "never", "{}"] {
        let said = refusal(&format!("health: {{ probe_idle_after: {wrong} }}"));
        assert!(said.contains("keyward.yaml:1:") && said.contains("`health.probe_idle_after`"), "{wrong}: {said}");
    }
    let paid = refusal("health: { paid_probes: on }");
    assert!(paid.contains("is not supported in this version"), "{paid}");
}

#[test]
fn budgets_and_limits_stand_under_what_they_are_set_on() {
    let config = config(
        "budgets:\n  global: { usd: 500, per: day, zone: Asia/Seoul, alert_at: [0.5, 0.8, 1.0] }\n  unknown_price: refuse\n  \
         teams:\n    research: [ { usd: 12.5, per: month, month_day: 15 }, { usd: 5, per: week, week_starts: sunday, soft: true } ]\n  \
         per_end_user: { usd: 0, per: rolling:7d, observe: true, hold: strict }\n  models: { openai/gpt-5: { usd: 3, per: 90m } }\n\
         limits:\n  body: 1MiB\n  global: { rpm: 1000 }\n  per_user: { rpm: 10, concurrency: 2 }\n  \
         vkeys: { app: [ { tpm: 20000, on_loss: closed }, { meter: output_tokens, quota: 100, per: minute, burst: 20, observe: true } ] }\n",
    );
    let budgets: Vec<_> =
        config.budgets.iter().map(|budget| (budget.path.as_str(), budget.set.scope.clone())).collect();
    let one = |kind, name: &str| ReachText::One(kind, name.to_owned());
    assert_eq!(
        budgets,
        [
            ("budgets.global", one(ScopeKind::Global, "")),
            ("budgets.teams.research[0]", one(ScopeKind::Team, "research")),
            ("budgets.teams.research[1]", one(ScopeKind::Team, "research")),
            ("budgets.models.openai/gpt-5", one(ScopeKind::Model, "openai/gpt-5")),
            ("budgets.per_end_user", ReachText::Each(ScopeKind::EndUser, None)),
        ]
    );
    let made = |index: usize| {
        let set = &config.budgets[index].set;
        set.made(BudgetId::from_bits(1), TenantId::DEFAULT, Reach::One(Scope::Global), Timestamp::EPOCH).unwrap()
    };
    assert_eq!((made(0).amount, made(0).alert_at), (Nanodollars(500_000_000_000), vec![500, 800, 1000]));
    assert_eq!(made(0).windows.zone.name(), "Asia/Seoul");
    assert_eq!((made(1).windows.period, made(1).amount), (Period::Month { starts: 15 }, Nanodollars(12_500_000_000)));
    assert_eq!((made(2).windows.period, made(2).kind), (Period::Week { starts: WeekStart::Sunday }, BudgetKind::Soft));
    assert_eq!(made(3).windows.period, Period::Rolling { seconds: 5_400 });
    assert_eq!((made(4).amount, made(4).mode, made(4).hold), (Nanodollars::ZERO, Mode::Observe, HoldMode::Strict));

    let limits: Vec<_> = config
        .call_limits
        .iter()
        .map(|limit| (limit.path.as_str(), limit.set.meter, limit.set.per, limit.set.quota, limit.set.burst.clone()))
        .collect();
    let minute = Some(LimitPeriod::Minute);
    assert_eq!(
        limits,
        [
            ("limits.global", Meter::Requests, minute, Some(1000), Edit::Keep),
            ("limits.vkeys.app[0]", Meter::Tokens, minute, Some(20_000), Edit::Keep),
            ("limits.vkeys.app[1]", Meter::OutputTokens, minute, Some(100), Edit::To(20)),
            ("limits.per_user", Meter::Requests, minute, Some(10), Edit::Keep),
            ("limits.per_user", Meter::Concurrency, None, Some(2), Edit::Keep),
        ]
    );
    assert_eq!(config.call_limits[1].set.on_loss, Some(OnLoss::Closed));
    assert_eq!(config.call_limits[2].set.mode, Some(Mode::Observe));
    assert_eq!(config.limits.body_bytes, 1 << 20);
    let set =
        with_env("", &[("KEYWARD_LIMITS__GLOBAL__RPM", "7"), ("KEYWARD_BUDGETS__PER_USER", "{ usd: 1, per: day }")])
            .unwrap();
    assert_eq!((set.call_limits[0].set.quota, set.budgets[0].path.as_str()), (Some(7), "budgets.per_user"));
}

#[test]
fn top_ups_of_the_file_end_on_the_clock_of_the_budgets_zone() {
    let config = config(
        "budgets:\n  global:\n    { usd: 5, per: day, zone: Asia/Seoul, top_ups: [ { usd: 12.50, until: 2026-12-01 },\n      \
         { usd: 1, until: 2026-11-20T00:00:00Z } ] }\n",
    );
    let set = &config.budgets[0].set;
    let made =
        set.made(BudgetId::from_bits(1), TenantId::DEFAULT, Reach::One(Scope::Global), Timestamp::EPOCH).unwrap();
    let top_ups: Vec<_> = made.top_ups.iter().map(|top_up| (top_up.amount.0, top_up.until.unix_millis())).collect();
    // 2026-11-20T00:00:00Z, and midnight in Seoul of 2026-12-01, nine hours before that in London.
    let (first, second) = (1_795_132_800_000, 1_796_050_800_000);
    assert_eq!(top_ups, [(1_000_000_000, first), (12_500_000_000, second)], "the one that ends first in front");
    let at = |millis: i64| made.amount_at(Timestamp::from_unix_millis(millis)).0 / 100_000_000;
    assert_eq!([at(first - 1), at(first), at(second - 1), at(second)], [185, 175, 175, 50]);
}

#[test]
fn nothing_is_limited_unless_somebody_says_so() {
    let config = config("");
    assert!(config.budgets.is_empty() && config.call_limits.is_empty());
    assert_eq!((config.unknown_price, config.counters), (UnknownPrice::Refuse, Counters::InProcess));
}

#[test]
fn wrong_budgets_say_where_and_what() {
    for (fields, expected) in [
        ("global: { usd: 5 }", "`budgets.global`: a new budget needs its window"),
        ("global: { per: day }", "`budgets.global`: a new budget needs its amount"),
        ("global: { usd: -5, per: day }", "`budgets.global.usd`: write amounts"),
        ("global: { usd: 0.0000000001, per: day }", "nine decimals"),
        ("global: { usd: 5, per: fortnight }", "`budgets.global.per`: write the window as"),
        ("global: { usd: 5, per: 10m }", "`budgets.global.per`: the length of a window has to be whole quarters"),
        ("global: { usd: 5, per: day, zone: Mars }", "`budgets.global.zone`: write time zones"),
        (
            "global: { usd: 5, per: month, month_day: 31 }",
            "`budgets.global.month_day`: takes a whole number from 1 to 28",
        ),
        ("global: { usd: 5, per: day, month_day: 3 }", "`budgets.global.month_day`: only windows of a month"),
        ("global: { usd: 5, per: week, week_starts: mon }", "`budgets.global.week_starts`: takes"),
        ("global: { usd: 5, per: day, alert_at: 0.5 }", "`budgets.global.alert_at`: takes a list"),
        ("global: { usd: 5, per: day, alert_at: [80] }", "`budgets.global.alert_at[0]`: write shares as parts"),
        ("global: { usd: 5, per: day, top_ups: 5 }", "`budgets.global.top_ups`: takes a list"),
        ("global: { usd: 5, per: day, top_ups: [5] }", "`budgets.global.top_ups[0]`: takes a group of fields"),
        ("global: { usd: 5, per: day, top_ups: [{ usd: 5 }] }", "`budgets.global.top_ups[0]`: needs `usd`"),
        ("global: { usd: 5, per: day, top_ups: [{}] }", "`budgets.global.top_ups[0]`: needs `usd`"),
        (
            "global: { usd: 5, per: day, top_ups: [{ usd: 0, until: 2026-12-01 }] }",
            "`budgets.global.top_ups[0].usd`: write amounts as texts of dollars above zero",
        ),
        (
            "global: { usd: 5, per: day, top_ups: [{ usd: -1, until: 2026-12-01 }] }",
            "`budgets.global.top_ups[0].usd`: write amounts",
        ),
        (
            "global: { usd: 5, per: day, top_ups: [{ usd: 1, until: tomorrow }] }",
            "`budgets.global.top_ups[0].until`: write moments like",
        ),
        (
            "global: { usd: 5, per: day, top_ups: [{ usd: 1, til: 2026-12-01, until: 2026-12-01 }] }",
            "`budgets.global.top_ups[0].til`: is not a known field",
        ),
        ("global: { usd: 5, per: day, top_up: { usd: 1, until: 2026-12-01 } }", "did you mean `top_ups`?"),
        ("global: { usd: 5, per: day, hold: tight }", "takes `adaptive` or `strict`"),
        ("global: { usd: 5, per: day, sotf: true }", "did you mean `soft`?"),
        ("global: 500", "`budgets.global`: takes a group of fields"),
        (
            "global: [ { usd: 5, per: day }, { usd: 6, per: day } ]",
            "`budgets.global[1]`: has this window already: the first is at",
        ),
        ("team: { a: { usd: 5, per: day } }", "did you mean `teams`?"),
        ("teams: { '': { usd: 5, per: day } }", "1 to 193"),
        ("unknown_price: allow", "`budgets.unknown_price`: takes `refuse`"),
        ("unknown_price: {}", "needs `ceiling_usd_per_million_tokens`"),
        ("unknown_price: { ceiling_usd_per_million_tokens: 0 }", "takes more than 0"),
        ("unknown_price: { ceiling_usd_per_million_tokens: cheap }", "write prices as texts"),
    ] {
        let said = refusal(&format!("budgets: {{ {fields} }}"));
        assert!(said.starts_with("keyward.yaml:1:") && said.contains(expected), "{fields}: {said}");
        assert_eq!(said.lines().count(), 1, "told once: {said}");
    }
    let nine: Vec<_> = (1..=9).map(|hours| format!("{{ usd: 1, per: {hours}h }}")).collect();
    assert!(refusal(&format!("budgets: {{ global: [{}] }}", nine.join(", "))).contains("takes at most 8 budgets"));
    let many = ["{ usd: 1, until: 2026-12-01 }"; 17].join(", ");
    let said = refusal(&format!("budgets: {{ global: {{ usd: 1, per: day, top_ups: [{many}] }} }}"));
    assert!(said.contains("`budgets.global.top_ups`: a budget has at most 16 top-ups"), "{said}");
    let ceiling = config("budgets: { unknown_price: { ceiling_usd_per_million_tokens: 100 } }").unknown_price;
    assert_eq!(
        ceiling,
        UnknownPrice::Ceiling(Picodollars(100_000_000)),
        "100 dollars for a million are 10^8 pico for one"
    );
}

#[test]
fn wrong_limits_say_where_and_what() {
    for (fields, expected) in [
        ("global: {}", "`limits.global`: needs a limit: rpm"),
        ("global: 1000", "`limits.global`: takes a group of fields"),
        ("global: { rpm: -1 }", "`limits.global.rpm`: takes a whole number from 0 to"),
        ("global: { rpm: 5, burst: 6 }", "`limits.global.burst`: a burst is at most the quota (5)"),
        ("global: { concurrency: 5, burst: 1 }", "`limits.global.burst`: calls at once have no burst"),
        ("global: { meter: tokens, quota: 1 }", "`limits.global`: say within which length of time"),
        ("global: { meter: tokens, per: day }", "`limits.global`: needs a limit"),
        ("global: { meter: calls, quota: 1, per: day }", "takes `requests`"),
        ("global: { meter: concurrency, quota: 1, per: day }", "`limits.global.per`: calls at once are counted"),
        ("global: { rpm: 1, on_loss: panic }", "takes `local_share`"),
        ("global: { rmp: 1 }", "did you mean `rpm`?"),
        ("global: [ { rpm: 1 }, { rpm: 2 } ]", "`limits.global[1]`: has this meter and period already"),
        ("per_usr: { rpm: 1 }", "did you mean `per_user`?"),
    ] {
        let said = refusal(&format!("limits: {{ {fields} }}"));
        assert!(said.starts_with("keyward.yaml:1:") && said.contains(expected), "{fields}: {said}");
    }
}

#[test]
fn counters_may_be_shared_and_no_password_stands_in_the_file() {
    let shared = |url: &str| match config(&format!("counters: {{ url: '{url}', nodes: 3 }}")).counters {
        Counters::Shared { url, nodes: 3 } => url,
        other => panic!("{other:?}"),
    };
    for url in [
        "redis://localhost",
        "rediss://counters.example:6380/2",
        "redis://[::1]:6379",
        "redis://u@localhost",
        "unix:///run/valkey.sock",
    ] {
        assert_eq!(shared(url), CountersUrl::Written(url.to_owned()));
    }
    assert_eq!(shared("${env:COUNTERS}"), CountersUrl::Kept(Reference::Environment("COUNTERS".to_owned())));
    let in_variable = with_env("", &[("KEYWARD_COUNTERS__URL", "redis://u:hunter2@h:1/0")]).unwrap();
    let kept = CountersUrl::Kept(Reference::Environment("KEYWARD_COUNTERS__URL".to_owned()));
    assert_eq!(in_variable.counters, Counters::Shared { url: kept.clone(), nodes: 1 });
    assert!(!format!("{in_variable:?}").contains("hunter2"));
    let there = BTreeMap::from([("KEYWARD_COUNTERS__URL".to_owned(), "redis://u:hunter2@h:1/0".to_owned())]);
    assert_eq!(kept.fetch(&there).unwrap().expose(), b"redis://u:hunter2@h:1/0");
    assert!(kept.fetch(&BTreeMap::new()).is_err());
    for wrong in [
        "redis://",
        "redis://h:0",
        "redis://h:x",
        "redis://h/x",
        "redis://a b",
        "http://h",
        "localhost:6379",
        "redis://[::1",
    ] {
        let said = refusal(&format!("counters: {{ url: '{wrong}' }}"));
        assert!(said.contains("`counters.url`: takes `memory`"), "{wrong}: {said}");
    }
    assert!(refusal("counters: { nodes: 3 }").contains("`counters.nodes`: has a meaning only for shared counters"));
    assert!(refusal("counters: { url: 'redis://h', nodes: 0 }").contains("from 1 to 1024"));
}
