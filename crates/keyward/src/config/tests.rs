//! Every mistake is named with its place and what to do; nothing is silently ignored.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{Config, EXAMPLE, Environment, FIELDS, VaultRoot, check, variable_for};

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
         attempts: { max: 2 }\n\
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
    assert_eq!(config.max_attempts, 2);
    assert_eq!(config.providers.len(), 1);
    assert_eq!(config.providers[0].keys[0].reference, None);
    assert_eq!(config.aliases[0].targets, ["local/small"]);
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
        "budgets: { global: { usd: 1 } }",
        "cache: { exact: off }",
        "limits: { global: { rpm: 1 } }",
        "providers: { openai: { strategy: adaptive } }",
        "providers: { openai: { keys: [ { name: a, key: '${env:A}', weight: 3 } ] } }",
        "aliases: { fast: { targets: [a/b], fallback: [c/d] } }",
        "listen: { tls: {} }",
    ] {
        assert!(refusal(text).contains("is not supported in this version: remove it"), "{text}: {}", refusal(text));
    }
    assert!(refusal("store: { url: 'postgres://u:hunter2@h/d' }").contains("not supported in this version"));
    assert!(!refusal("store: { url: 'postgres://u:hunter2@h/d' }").contains("hunter2"));
    assert!(refusal("counters: { url: 'redis://:hunter2@h' }").contains("Redis"));
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
    assert_eq!((config.providers.len(), config.aliases.len()), (2, 1));
}

#[test]
fn every_described_field_can_be_overridden() {
    for field in FIELDS.iter().filter(|field| !field.path.contains("[]")) {
        let path = field.path.replace("<name>", "some");
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
