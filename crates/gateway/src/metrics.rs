//! What `/metrics` shows of the data plane. Every label has a small closed set of values; names that an outsider can
//! invent (models, keys) never become one unasked.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use keyward_domain::denial::Denial;
use keyward_domain::ledger::{AttemptOutcome, Entry};
use keyward_domain::money::Nanodollars;
use keyward_domain::port::Ask;
use keyward_limit::book::Refused;
use keyward_limit::queue::Want;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::snapshot::Deployment;
use crate::stage::arrive::Arrival;

/// Series per family with names of providers and models in them; what comes after that is counted as `other`.
const MAX_NAMED_SERIES: usize = 2_000;
/// Providers with a count of their own of answers that no rule knew; those after that are counted as `other`.
const MAX_PROVIDER_SERIES: usize = 200;
/// Upper bounds of the gateway's own time, in seconds: from 10 microseconds to 100 milliseconds.
const OVERHEAD_BUCKETS: [f64; 13] =
    [10e-6, 20e-6, 50e-6, 100e-6, 200e-6, 500e-6, 1e-3, 2e-3, 5e-3, 10e-3, 20e-3, 50e-3, 100e-3];
/// Upper bounds of waiting in line, in seconds.
const WAIT_BUCKETS: [f64; 10] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0];
/// Upper bounds of waiting for a provider, in seconds.
const UPSTREAM_BUCKETS: [f64; 12] = [0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0, 600.0];

/// The data plane's counters.
pub struct Metrics {
    registry: Mutex<Registry>,
    pub(crate) in_flight: Gauge,
    connections: Gauge,
    turned_away: Counter,
    overhead: Histogram,
    upstream: Histogram,
    first_content: Histogram,
    refusals: Family<RefusalLabels, Counter>,
    attempts: Family<AttemptLabels, Counter>,
    tokens: Family<TokenLabels, Counter>,
    cost: Family<NameLabels, Counter>,
    unpriced: Family<NameLabels, Counter>,
    price_unknown: Family<NameLabels, Counter>,
    unknown_answers: Family<ProviderLabels, Counter>,
    would_refuse: Family<WatchLabels, Counter>,
    cut_short: Counter,
    lowered: Counter,
    waiting: Family<LineLabels, Gauge>,
    waited: Histogram,
    shed: Family<ShedLabels, Counter>,
    /// The same once more, to be shown in `status`.
    unknown_by_provider: Mutex<BTreeMap<String, u64>>,
    named: Mutex<std::collections::HashSet<NameLabels>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RefusalLabels {
    dialect: &'static str,
    code: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ProviderLabels {
    provider: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WatchLabels {
    scope: &'static str,
    meter: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LineLabels {
    want: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ShedLabels {
    want: &'static str,
    why: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AttemptLabels {
    provider: String,
    operation: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct NameLabels {
    provider: String,
    model: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TokenLabels {
    provider: String,
    model: String,
    direction: &'static str,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("keyward");
        let metrics = Self {
            in_flight: Gauge::default(),
            connections: Gauge::default(),
            turned_away: Counter::default(),
            overhead: Histogram::new(OVERHEAD_BUCKETS),
            upstream: Histogram::new(UPSTREAM_BUCKETS),
            first_content: Histogram::new(UPSTREAM_BUCKETS),
            refusals: Family::default(),
            attempts: Family::default(),
            tokens: Family::default(),
            cost: Family::default(),
            unpriced: Family::default(),
            price_unknown: Family::default(),
            unknown_answers: Family::default(),
            would_refuse: Family::default(),
            cut_short: Counter::default(),
            lowered: Counter::default(),
            waiting: Family::default(),
            waited: Histogram::new(WAIT_BUCKETS),
            shed: Family::default(),
            unknown_by_provider: Mutex::default(),
            named: Mutex::default(),
            registry: Mutex::default(),
        };
        metrics.register(&mut registry);
        Self { registry: Mutex::new(registry), ..metrics }
    }
}

impl Metrics {
    /// Everything in Prometheus' text format.
    pub fn render(&self) -> String {
        let mut text = String::new();
        if let Ok(registry) = self.registry.lock() {
            // Writing to a string cannot fail.
            let _ = encode(&mut text, &registry);
        }
        text
    }

    /// A budget that only watches would have refused a call.
    pub(crate) fn would_refuse_budget(&self, refused: &Refused) {
        let scope = refused.why.scope().map_or("", |scope| scope.kind().as_str());
        self.would_refuse.get_or_create(&WatchLabels { scope, meter: "cost" }).inc();
    }

    /// A limit that only watches would have refused a call.
    pub(crate) fn would_refuse_limit(&self, ask: &Ask) {
        let labels = WatchLabels { scope: ask.scope.kind().as_str(), meter: ask.limit.meter.as_str() };
        self.would_refuse.get_or_create(&labels).inc();
    }

    /// An answer ended because its budget was spent.
    pub(crate) fn cut_short(&self) {
        self.cut_short.inc();
    }

    /// An answer came for which a provider was told a lower cap, because of a budget.
    pub(crate) fn lowered(&self) {
        self.lowered.inc();
    }

    /// A call waits in line for this.
    pub(crate) fn waits(&self, want: &Want) {
        self.waiting.get_or_create(&LineLabels { want: line(want) }).inc();
    }

    /// A call does not wait for this any more.
    pub(crate) fn waits_no_more(&self, want: &Want) {
        self.waiting.get_or_create(&LineLabels { want: line(want) }).dec();
    }

    /// How long a call waited, whether it got what it waited for or not.
    pub(crate) fn waited(&self, length: Duration) {
        self.waited.observe(length.as_secs_f64());
    }

    /// A call did not get its turn: its `deadline` passed, or the queue was `full`.
    pub(crate) fn shed(&self, want: &Want, why: &'static str) {
        self.shed.get_or_create(&ShedLabels { want: line(want), why }).inc();
    }

    /// Lets another part of the process show its own metrics here.
    pub fn register_more(&self, register: impl FnOnce(&mut Registry)) {
        if let Ok(mut registry) = self.registry.lock() {
            register(&mut registry);
        }
    }

    /// Counts ledger rows: times, tokens and money. Called by the ledger's own thread: histograms and families take
    /// locks, which the request path does not.
    pub fn settled(&self, entries: &[Entry]) {
        for entry in entries {
            self.measure(entry);
        }
        // Rows of one kind come in runs; finding their series is most of the work.
        entries.chunk_by(is_same_series).for_each(|run| self.count(run));
    }

    /// Counts rows that belong to the same series.
    fn count(&self, run: &[Entry]) {
        let Some(first) = run.first() else { return };
        let names = self.named(&first.subject.provider_name, &first.subject.model);
        let (outcome, operation) = (first.outcome.as_str(), first.subject.operation.as_str());
        let rows = u64::try_from(run.len()).unwrap_or(u64::MAX);
        self.attempts
            .get_or_create(&AttemptLabels { provider: names.provider.clone(), operation, outcome })
            .inc_by(rows);
        let input: u64 = run.iter().map(|entry| entry.usage.prompt_tokens()).fold(0, u64::saturating_add);
        let output: u64 = run.iter().map(|entry| entry.usage.completion_tokens()).fold(0, u64::saturating_add);
        for (direction, tokens) in [("input", input), ("output", output)] {
            let NameLabels { provider, model } = names.clone();
            self.tokens.get_or_create(&TokenLabels { provider, model, direction }).inc_by(tokens);
        }
        let cost: Nanodollars = run.iter().filter_map(|entry| entry.cost).sum();
        let unpriced = run.iter().filter(|entry| entry.cost.is_none()).count();
        if unpriced < run.len() {
            self.cost.get_or_create(&names).inc_by(u64::try_from(cost.0).unwrap_or(0));
        }
        if unpriced > 0 {
            let unpriced = u64::try_from(unpriced).unwrap_or(u64::MAX);
            let is_news = self.unpriced.get_or_create(&names).inc_by(unpriced) == 0;
            if is_news {
                let NameLabels { provider, model } = &names;
                tracing::warn!(
                    provider,
                    model,
                    "no price is known for this model, so what it costs is missing in every report: set one with `keyward \
                     model price`"
                );
            }
        }
    }

    /// A budget applies to an attempt whose price nobody knows, and it was not made.
    pub(crate) fn refused_unpriced(&self, target: &Deployment) {
        let names = self.named(&target.provider.name, &target.model);
        let is_news = self.price_unknown.get_or_create(&names).inc() == 0;
        if is_news {
            let NameLabels { provider, model } = &names;
            tracing::warn!(
                provider,
                model,
                "no price is known for this model, so it serves no call that a hard budget applies to: set one with `keyward \
                 model price`, or a ceiling with `budgets.unknown_price`"
            );
        }
    }

    /// Requests in flight now.
    pub fn in_flight(&self) -> i64 {
        self.in_flight.get()
    }

    pub(crate) fn connected(&self) {
        self.connections.inc();
    }

    pub(crate) fn turned_away(&self) {
        self.turned_away.inc();
    }

    pub(crate) fn disconnected(&self) {
        self.connections.dec();
    }

    pub(crate) fn refused(&self, arrival: &Arrival, denial: &Denial) {
        self.refusals.get_or_create(&RefusalLabels { dialect: arrival.dialect.as_str(), code: denial.code() }).inc();
    }

    /// Answers that no rule knew, by provider.
    pub fn unknown_answers(&self) -> BTreeMap<String, u64> {
        self.unknown_by_provider.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Counts an answer that no rule knew: it was judged by its status alone.
    pub(crate) fn unknown_answer(&self, provider: &str) {
        let mut counts = self.unknown_by_provider.lock().unwrap_or_else(PoisonError::into_inner);
        let has_place = counts.contains_key(provider) || counts.len() < MAX_PROVIDER_SERIES;
        let provider = if has_place { provider } else { "other" };
        *counts.entry(provider.to_owned()).or_default() += 1;
        drop(counts);
        self.unknown_answers.get_or_create(&ProviderLabels { provider: provider.to_owned() }).inc();
    }

    fn measure(&self, entry: &Entry) {
        // Attempts that were refused or never sent have no time of ours to tell.
        if !entry.overhead.is_zero() {
            self.overhead.observe(entry.overhead.as_secs_f64());
        }
        if entry.outcome != AttemptOutcome::NotSent {
            self.upstream.observe(entry.duration.as_secs_f64());
        }
        if let Some(first) = entry.first_content {
            self.first_content.observe(first.as_secs_f64());
        }
    }

    fn named(&self, provider: &str, model: &str) -> NameLabels {
        let names = NameLabels { provider: provider.to_owned(), model: model.to_owned() };
        let Ok(mut known) = self.named.lock() else { return names };
        if known.contains(&names) {
            return names;
        }
        if known.len() >= MAX_NAMED_SERIES {
            return NameLabels { provider: provider.to_owned(), model: "other".to_owned() };
        }
        known.insert(names.clone());
        names
    }

    fn register(&self, registry: &mut Registry) {
        registry.register("requests_in_flight", "Calls being served", self.in_flight.clone());
        registry.register("client_connections", "Open client connections", self.connections.clone());
        registry.register(
            "client_connections_turned_away",
            "Connections closed at once because there were too many",
            self.turned_away.clone(),
        );
        registry.register(
            "gateway_overhead_seconds",
            "Time that the gateway itself added to a call: total minus waiting for the provider",
            self.overhead.clone(),
        );
        registry.register("upstream_duration_seconds", "From sending an attempt to its end", self.upstream.clone());
        registry.register(
            "upstream_first_content_seconds",
            "From sending an attempt to its first content",
            self.first_content.clone(),
        );
        registry.register("refusals", "Calls refused by the gateway, by code", self.refusals.clone());
        registry.register("attempts", "Attempts by provider, operation and outcome", self.attempts.clone());
        registry.register("tokens", "Tokens by provider and model", self.tokens.clone());
        registry.register("cost_nanodollars", "Known cost by provider and model", self.cost.clone());
        registry.register(
            "unknown_answers",
            "Answers of providers that no rule knew and that were judged by their status alone",
            self.unknown_answers.clone(),
        );
        registry.register(
            "would_refuse",
            "Calls that a budget or a limit would have refused if it did not only watch",
            self.would_refuse.clone(),
        );
        registry.register("cut_short", "Streams that ended because a budget was spent", self.cut_short.clone());
        registry.register(
            "lowered_caps",
            "Answers whose output cap was lowered to what a budget covers",
            self.lowered.clone(),
        );
        registry.register("waiting", "Calls that wait in line, by what they wait for", self.waiting.clone());
        registry.register("queue_wait_seconds", "How long calls waited in line", self.waited.clone());
        registry.register("queue_shed", "Calls that waited in vain or could not wait, by why", self.shed.clone());
        registry.register("unpriced_attempts", "Attempts whose price is unknown", self.unpriced.clone());
        registry.register(
            "price_unknown",
            "Attempts that were not made because a budget applies and their price is unknown",
            self.price_unknown.clone(),
        );
    }
}

fn line(want: &Want) -> &'static str {
    match want {
        Want::Limit { .. } => "limit",
        Want::Keys { .. } => "keys",
    }
}

fn is_same_series(one: &Entry, other: &Entry) -> bool {
    one.outcome == other.outcome
        && one.subject.operation == other.subject.operation
        && one.subject.model == other.subject.model
        && one.subject.provider_name == other.subject.provider_name
}
