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
pub const FIELDS: [Described; 96] = [
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
    field(
        "counters.url",
        "memory, redis://HOST:PORT, rediss://HOST:PORT, unix://PATH, or a reference such as `${env:COUNTERS_URL}`",
        "memory",
        "where limits are counted: in this process, or in a Redis or Valkey that several nodes share; a URL with a password \
         is kept elsewhere and referred to",
    ),
    field(
        "counters.nodes",
        "1 to 1024",
        "1",
        "how many nodes share the counters: while they cannot be asked, each goes on with its part of each limit",
    ),
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
        "attempts.total_ms",
        "milliseconds",
        "none",
        "after this much time since its arrival a call is not tried again",
    ),
    field(
        "attempts.usd",
        "US dollars",
        "none",
        "what attempts that failed and may be billed can cost together with the next one, at most",
    ),
    field(
        "attempts.explain_header",
        "off or on",
        "off",
        "whether a client may ask with `x-keyward-explain` which way its call took, and be told in a header",
    ),
    field(
        "queue.wait_ms",
        "milliseconds, up to 60000",
        "2000",
        "how long a call may wait in line while a limit or every provider key is full or rests; 0 refuses at once",
    ),
    field("queue.places", "1 to 65536", "1024", "calls that may wait at once"),
    field("queue.per_tenant", "1 to 65536", "half of `queue.places`", "calls of one tenant that may wait at once"),
    field(
        "health.probe_idle_after",
        "length of time from 1m to 7d, or off",
        "15m",
        "after how long without a sign of life the provider of a key is asked about it, by a call that costs nothing",
    ),
    field(
        "allow_query_key",
        "true or false",
        "false",
        "whether `?key=` is accepted as a credential; it ends up in other people's logs",
    ),
    field("limits.<scope>.rpm", "number", "none", "requests per minute; 0 blocks everything, as in every limit"),
    field("limits.<scope>.tpm", "number", "none", "tokens per minute, input and output"),
    field("limits.<scope>.rps", "number", "none", "requests per second"),
    field("limits.<scope>.rph", "number", "none", "requests per hour"),
    field("limits.<scope>.rpd", "number", "none", "requests per day: 24 hours"),
    field("limits.<scope>.concurrency", "number", "none", "calls in flight at once"),
    field(
        "limits.<scope>.meter",
        "requests, input_tokens, output_tokens, tokens or concurrency",
        "none",
        "what a limit counts that has no short name, together with `quota` and `per`",
    ),
    field("limits.<scope>.quota", "number", "needed with `meter`", "how much of it"),
    field(
        "limits.<scope>.per",
        "second, minute, hour or day",
        "needed with `meter`, except concurrency",
        "within which length of time",
    ),
    field(
        "limits.<scope>.burst",
        "number up to the quota",
        "none",
        "so much at once, and the quota evenly spread; without it no stretch of one period sees more than the quota",
    ),
    field("limits.<scope>.observe", "true or false", "false", "counts what it would have refused, and lets it pass"),
    field(
        "limits.<scope>.on_loss",
        "local_share, closed or open",
        "local_share",
        "what happens while shared counters cannot be asked: each node goes on with its share, refuses, or does not enforce",
    ),
    field(
        "budgets.unknown_price",
        "refuse or { ceiling_usd_per_million_tokens: US dollars }",
        "refuse",
        "what a budget does with a call whose price is unknown: refuses it, or takes every token to cost this much",
    ),
    field("budgets.<scope>.usd", "US dollars, up to nine decimals", "needed", "what may be spent within one window"),
    field(
        "budgets.<scope>.per",
        "hour, day, week, month, rolling:7d or anchored:14d@2026-11-01",
        "needed",
        "the window; a length alone is a rolling one",
    ),
    field("budgets.<scope>.zone", "IANA time zone", "UTC", "whose midnight counts"),
    field("budgets.<scope>.week_starts", "monday to sunday", "monday", "the first day of a week"),
    field("budgets.<scope>.month_day", "1 to 28", "1", "on which day windows of a month begin"),
    field("budgets.<scope>.soft", "true or false", "false", "tells somebody and refuses nothing"),
    field("budgets.<scope>.observe", "true or false", "false", "counts what it would have refused, and lets it pass"),
    field(
        "budgets.<scope>.hold",
        "adaptive or strict",
        "adaptive",
        "how much is reserved for calls that may become long: piece by piece, or all that a call can cost",
    ),
    field(
        "budgets.<scope>.alert_at",
        "list of parts of the whole, such as [0.5, 0.8, 1.0]",
        "none",
        "when somebody is told; up to 8",
    ),
    field(
        "budgets.<scope>.top_ups",
        "list of groups",
        "none",
        "more money for a while; up to 16, and one that has ended counts no more",
    ),
    field("budgets.<scope>.top_ups[].usd", "US dollars, up to nine decimals", "needed", "how much more"),
    field(
        "budgets.<scope>.top_ups[].until",
        "2026-12-01, 2026-12-01T00:00 or 2026-12-01T00:00:00Z",
        "needed",
        "up to when; without an offset on the clock of the budget's zone",
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
    field(
        "providers.<name>.strategy",
        "adaptive, round_robin, least_used, weighted, health_based, cost_optimized, latency, random or single",
        "adaptive",
        "how a key is chosen",
    ),
    field(
        "providers.<name>.concurrency",
        "adaptive, off, or 1 to 1000000",
        "adaptive",
        "how many calls it is sent at once. `adaptive`: any number, until it shows that they are too many; a number: the same, \
         and never more; `off`: any number",
    ),
    field("providers.<name>.rules[].status", "200 or 400 to 599", "any", "status of the answers that the rule is for"),
    field("providers.<name>.rules[].code", "text", "any", "the error's code, reason or type, in any case"),
    field("providers.<name>.rules[].contains", "text", "any", "part of the error's message, in any case"),
    field(
        "providers.<name>.rules[].blame",
        "request, key, account, model_on_key, model, provider or network",
        "needed",
        "whose trouble it is",
    ),
    field(
        "providers.<name>.rules[].lasts",
        "moment, human, or a length such as 30s, 15m, 6h, 1d",
        "needed",
        "how long it lasts: as long as the answer says, until a person does something, or exactly this long",
    ),
    field(
        "providers.<name>.rules[].next",
        "use, retry, other_key, other_account, other_deployment or give_up",
        "by blame",
        "what the call does next",
    ),
    field(
        "providers.<name>.rules[].trouble",
        "such as rate_limited",
        "by blame and length",
        "what kind of trouble it is",
    ),
    field("providers.<name>.rules[].reason", "text", "none", "what explanations say about it"),
    field("providers.<name>.keys[].name", "name", "needed", "what people call the key"),
    field(
        "providers.<name>.keys[].key",
        "`${env:NAME}` or `${file:/path}`",
        "none, for servers that want none",
        "where the secret is",
    ),
    field("providers.<name>.keys[].enabled", "true or false", "true", "whether it is used"),
    field(
        "providers.<name>.keys[].quota_group",
        "name",
        "an account of its own",
        "the account whose limits the key shares; keys of one group rest together",
    ),
    field("providers.<name>.keys[].weight", "1 to 1000", "1", "share of the traffic relative to the other keys"),
    field(
        "providers.<name>.keys[].tier",
        "0 to 255",
        "0",
        "keys of a higher tier are used only when no key of a lower one can be",
    ),
    field(
        "providers.<name>.keys[].models",
        "list of patterns, `*` for any text",
        "all",
        "models that the key may be used for, as the provider names them",
    ),
    field("providers.<name>.keys[].tags", "names with values", "none", "labels for people and reports"),
    field("providers.<name>.keys[].limits.rpm", "number", "none", "requests per minute at most"),
    field("providers.<name>.keys[].limits.tpm", "number", "none", "tokens per minute at most, input and output"),
    field("providers.<name>.keys[].limits.rpd", "number", "none", "requests per UTC day at most"),
    field("providers.<name>.keys[].limits.concurrency", "number", "none", "calls in flight at once, at most"),
    field("providers.<name>.keys[].budget.usd", "US dollars", "none", "what calls may cost in the window, at most"),
    field("providers.<name>.keys[].budget.per", "day", "needed with `usd`", "the window: a UTC day"),
    field(
        "providers.<name>.keys[].expires",
        "date or RFC 3339 moment, in UTC",
        "never",
        "from when the key is no longer used",
    ),
    field(
        "aliases.<name>.targets",
        "list of provider/model or { deployment: provider/model, weight: 1 to 1000 }",
        "needed",
        "what a name stands for, in order of preference",
    ),
    field(
        "aliases.<name>.strategy",
        "listed, weighted, cost_optimized or latency",
        "weighted with weights, else listed",
        "in which order the targets are tried",
    ),
    field(
        "aliases.<name>.fallback",
        "list of provider/model",
        "none",
        "what to go on to when the targets cannot serve, unless the request itself is at fault",
    ),
    field(
        "aliases.<name>.fallback_on.context_too_long",
        "list of provider/model",
        "none",
        "what to go on to when the prompt is longer than the model takes",
    ),
    field(
        "aliases.<name>.fallback_on.content_policy",
        "list of provider/model",
        "none",
        "what to go on to when a call is refused for what the prompt says",
    ),
    field(
        "aliases.<name>.fallback_on.overloaded",
        "list of provider/model",
        "none",
        "what to go on to when there is no capacity: overloaded, limited, or every key rests",
    ),
];

/// A config that shows how it is written.
pub const EXAMPLE: &str = "\
listen: { data: 127.0.0.1:8700, admin: 127.0.0.1:8701 }
ledger: { durability: strict }
limits: { body: 16MiB, global: { rpm: 1000 }, per_user: { rpm: 10 } }
# counters: { url: \"${env:COUNTERS_URL}\", nodes: 3 }
budgets:
  global: { usd: 500, per: day, zone: Asia/Seoul, alert_at: [0.5, 0.8, 1.0] }
  models: { openai/gpt-5: [ { usd: 20, per: day }, { usd: 200, per: month } ] }
  unknown_price: refuse
health: { probe_idle_after: 15m }
providers:
  openai:
    rules:
      - { status: 429, contains: \"daily cap\", blame: account, lasts: 6h }
    keys:
      - { name: primary, key: \"${env:OPENAI_API_KEY}\", quota_group: acme, weight: 3,
          limits: { rpm: 500, tpm: 200000 }, budget: { usd: 100, per: day }, expires: 2027-03-01 }
      - { name: secondary, key: \"${file:/run/secrets/openai}\", quota_group: acme-eu, models: [\"gpt-4o*\"] }
  local: { base_url: http://127.0.0.1:8000/v1, free: true, keys: [ { name: none } ] }
aliases:
  fast: { targets: [openai/gpt-4o-mini, local/small], strategy: cost_optimized, fallback: [openai/gpt-4o] }
  smart:
    targets: [ { deployment: openai/gpt-5, weight: 3 }, { deployment: openai/gpt-4o, weight: 1 } ]
    fallback_on: { context_too_long: [openai/gpt-4.1] }
";
