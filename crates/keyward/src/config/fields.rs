//! Every field in words, for the reference page. A test compares it with what is really read.

/// A field as people read about it.
pub struct Described {
    /// Its path; `<name>` stands for a name of the operator's choice.
    pub path: &'static str,
    /// What it takes.
    pub takes: &'static str,
    /// What counts when it is not written.
    pub default: &'static str,
    /// What it does.
    pub does: &'static str,
}

const fn field(path: &'static str, takes: &'static str, default: &'static str, does: &'static str) -> Described {
    Described { path, takes, default, does }
}

/// All fields, group by group.
pub const FIELDS: [Described; 36] = [
    field("listen.data", "address:port", "127.0.0.1:8700", "where clients connect"),
    field("listen.admin", "address:port", "127.0.0.1:8701", "where operators connect"),
    field(
        "listen.admin_hosts",
        "list of host names",
        "none",
        "names besides the loopback ones that the control plane answers to",
    ),
    field(
        "listen.metrics",
        "address:port",
        "on the admin address",
        "moves `/metrics` to an address of its own, open to whoever can reach it",
    ),
    field("listen.insecure", "true or false", "false", "allows addresses that other machines can reach, without TLS"),
    field("store.url", "sqlite:FILE", "sqlite:keyward.db", "the database file, relative to the home"),
    field("counters.url", "memory", "memory", "where counters live"),
    field("vault.root", "key_file or passphrase", "key_file", "what opens the vault"),
    field("vault.key_file", "path", "root.key", "the root key's file, relative to the home"),
    field(
        "ledger.durability",
        "process or strict",
        "process",
        "`process`: a killed process loses nothing, a power cut at most 100 ms; `strict`: a power cut loses nothing either",
    ),
    field("limits.body", "size", "32MiB", "largest JSON body"),
    field("limits.upload", "size", "64MiB", "largest upload"),
    field("limits.in_flight", "number", "4096", "calls in flight at one time; more are refused"),
    field("max_connections", "number", "10000", "client connections at one time"),
    field("workers", "number", "one per core", "event loops of the data plane"),
    field("attempts.max", "1 to 10", "4", "upstream attempts per call"),
    field(
        "allow_query_key",
        "true or false",
        "false",
        "whether `?key=` is accepted as a credential; it ends up in other people's logs",
    ),
    field("deadlines.connect_ms", "milliseconds", "3000", "to have a connection to a provider"),
    field("deadlines.first_content_ms", "milliseconds", "120000", "to have the first content"),
    field("deadlines.idle_ms", "milliseconds", "60000", "between two pieces of an answer"),
    field("deadlines.total_ms", "milliseconds", "900000", "for a whole call"),
    field(
        "deadlines.keep_alive_ms",
        "milliseconds",
        "15000",
        "after this much silence a stream's client gets a comment",
    ),
    field(
        "on_disconnect.drain_max_ms",
        "milliseconds",
        "120000",
        "how long an abandoned answer is read on, for virtual keys that drain",
    ),
    field("on_disconnect.drain_max", "number", "256", "how many abandoned answers are read on at once, per event loop"),
    field("log.level", "error, warn, info, debug or trace", "info", "how much is logged"),
    field(
        "log.format",
        "auto, text or json",
        "auto",
        "how a line looks; `auto` is text on a terminal and JSON elsewhere",
    ),
    field("telemetry.otlp_endpoint", "URL", "none", "the collector that traces go to, such as `http://127.0.0.1:4318`"),
    field(
        "providers.<name>.kind",
        "openai, anthropic, gemini, openai_compatible or sandbox",
        "by name, else openai_compatible",
        "the sort of server",
    ),
    field("providers.<name>.base_url", "URL", "by name", "where it is"),
    field("providers.<name>.enabled", "true or false", "true", "whether calls may be routed to it"),
    field(
        "providers.<name>.free",
        "true or false",
        "by name, else false",
        "whether a model without a price costs nothing here",
    ),
    field("providers.<name>.catalog", "name", "by name or kind", "which part of the price catalog describes it"),
    field("providers.<name>.keys[].name", "name", "needed", "what people call the key"),
    field(
        "providers.<name>.keys[].key",
        "`${env:NAME}` or `${file:/path}`",
        "none, for servers that want none",
        "where the secret is",
    ),
    field("providers.<name>.keys[].enabled", "true or false", "true", "whether it is used"),
    field(
        "aliases.<name>.targets",
        "list of provider/model",
        "needed",
        "what a name stands for, in order of preference",
    ),
];

/// A config that shows how it is written.
pub const EXAMPLE: &str = "\
listen: { data: 127.0.0.1:8700, admin: 127.0.0.1:8701 }
ledger: { durability: strict }
limits: { body: 16MiB }
providers:
  openai:
    keys:
      - { name: primary, key: \"${env:OPENAI_API_KEY}\" }
      - { name: secondary, key: \"${file:/run/secrets/openai}\" }
  local: { base_url: http://127.0.0.1:8000/v1, free: true, keys: [ { name: none } ] }
aliases:
  fast: { targets: [openai/gpt-4o-mini, local/small] }
";
