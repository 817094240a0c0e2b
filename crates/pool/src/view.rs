//! What is known of a key, for APIs, the command line and explanations.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use keyward_domain::ids::{CredentialId, ProviderId};
use keyward_domain::standing::{KeyStanding, Standing};
use keyward_domain::time::Timestamp;
use serde::Serialize;

use crate::circuit::Circuit;
use crate::endpoint::Endpoint;
use crate::group::Group;
use crate::headroom::{Left, Meters};
use crate::key::{Key, KeyModel};
use crate::moment::Moment;
use crate::nothing::{phase_word, text};
use crate::settings::Settings;

/// Everything that is known of a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyView {
    /// Which key.
    pub credential: CredentialId,
    /// What people call it.
    #[serde(serialize_with = "text")]
    pub name: Arc<str>,
    /// How fit it is.
    #[serde(flatten)]
    pub standing: Standing,
    /// Why, with who and since when; `None` while nothing is known against it.
    pub known: Option<KeyStanding>,
    /// Its circuit.
    pub circuit: CircuitView,
    /// How much of its fair share it gets, in thousandths: less than all for a while after it came back.
    pub share_permille: u32,
    /// Standings with single models, where something is known against the key.
    pub models: Vec<ModelView>,
    /// Calls that ended and say something about the key.
    pub requests: u64,
    /// Those of them that failed.
    pub failures: u64,
    /// Those of them because a limit or a quota was reached.
    pub limited: u64,
    /// Failures in a row.
    pub consecutive_failures: u32,
    /// Calls that succeeded, in thousandths; `None` before the first.
    pub success_permille: Option<u32>,
    /// Failures of late, in thousandths: every call counts for a sixteenth, half is forgiven in 30 s.
    pub failing_permille: u32,
    /// Times to the first content.
    pub latency: Option<LatencyView>,
    /// Calls under way.
    pub in_flight: u32,
    /// What is left of its provider's limits, where answers said so.
    pub headroom: Vec<MeterView>,
    /// The end of the last good call.
    pub last_success: Option<Timestamp>,
    /// The end of the last bad call.
    pub last_failure: Option<Timestamp>,
    /// When it was last proved to work or not.
    pub proved_at: Option<Timestamp>,
    /// How long ago that was, in seconds.
    pub proof_age_seconds: Option<u64>,
}

/// A circuit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct CircuitView {
    /// `closed`, `open` or `half_open`.
    pub phase: &'static str,
    /// Whether a canary is under way.
    pub has_canary_out: bool,
}

/// What is known of a provider as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProviderView {
    /// Which provider.
    pub provider: ProviderId,
    /// Until when nobody is to ask it, because it said so.
    pub rests_until: Option<Timestamp>,
    /// Its circuit.
    pub circuit: CircuitView,
    /// Calls under way.
    pub in_flight: u32,
    /// How many may be, as the operator says or as it was learned; `None` for any number.
    pub at_once: Option<u32>,
    /// Its models, as far as something is known of them.
    pub models: Vec<ProviderModelView>,
}

/// What is known of a model at a provider, whatever the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProviderModelView {
    /// The model.
    pub model: String,
    /// Until when nobody is to ask for it.
    pub rests_until: Option<Timestamp>,
    /// Its circuit.
    pub circuit: CircuitView,
    /// What the time to the first content is like, in milliseconds, once known.
    pub typical_ms: Option<u64>,
    /// Calls under way.
    pub in_flight: u32,
    /// How many may be, as it was learned; `None` for any number.
    pub at_once: Option<u32>,
}

/// A key with one model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ModelView {
    /// The model.
    pub model: String,
    /// How fit the key is for it.
    #[serde(flatten)]
    pub standing: Standing,
    /// Why; `None` while nothing is known against it.
    pub known: Option<KeyStanding>,
    /// The average time to the first content, in milliseconds, once known.
    pub latency_ms: Option<u64>,
    /// What is left of its provider's limits for this model.
    pub headroom: Vec<MeterView>,
}

/// Times to the first content of late, at most 25 % too high.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct LatencyView {
    /// Half of the calls were faster, in milliseconds.
    pub p50_ms: u64,
    /// 95 of 100 were faster.
    pub p95_ms: u64,
    /// 99 of 100 were faster.
    pub p99_ms: u64,
}

/// What is left of one of a provider's limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct MeterView {
    /// What it counts: `requests`, `tokens`, `input_tokens`, `output_tokens`.
    pub counts: &'static str,
    /// Its window in seconds, when known.
    pub window_seconds: Option<u64>,
    /// How much fits, when known.
    pub limit: Option<u64>,
    /// How much is left.
    pub remaining: u64,
    /// When it is full again.
    pub resets: Timestamp,
}

impl KeyView {
    pub(crate) fn new(key: &Key, name: &Arc<str>, group: &Group, now: Moment) -> Self {
        let settings = key.endpoint.settings();
        let known = key.fitness.known(now);
        let record = &key.record;
        let requests = record.requests.load(Relaxed);
        let failures = record.failures.load(Relaxed).min(requests);
        let proved_at = moment(key.proved.load(Relaxed));
        Self {
            credential: key.credential,
            name: Arc::clone(name),
            standing: known.as_ref().map_or(Standing::Active, |known| known.standing),
            known,
            circuit: CircuitView::new(&key.fitness.circuit, now, settings),
            share_permille: key.fitness.share(now, settings),
            models: key
                .models()
                .iter()
                .filter_map(|(name, on_model)| ModelView::new(name, on_model, group, now))
                .collect(),
            requests,
            failures,
            limited: record.limited.load(Relaxed).min(failures),
            consecutive_failures: record.in_a_row.load(Relaxed),
            success_permille: ((requests - failures) * 1000)
                .checked_div(requests)
                .and_then(|rate| u32::try_from(rate).ok()),
            failing_permille: record.failing(now),
            latency: record.times.percentiles([50, 95, 99]).map(|[p50_ms, p95_ms, p99_ms]| LatencyView {
                p50_ms,
                p95_ms,
                p99_ms,
            }),
            in_flight: key.in_flight(),
            headroom: headroom(&group.meters, now),
            last_success: moment(record.last_success.load(Relaxed)),
            last_failure: moment(record.last_failure.load(Relaxed)),
            proved_at,
            proof_age_seconds: proved_at.map(|at| now.wall.since(at).as_secs()),
        }
    }
}

impl ModelView {
    /// `None` when there is nothing to say.
    fn new(name: &Arc<str>, on_model: &KeyModel, group: &Group, now: Moment) -> Option<Self> {
        let known = on_model.fitness.known(now);
        let micros = on_model.peak.seen(now.monotonic_ms());
        let headroom = group.known_model(name).map(|meters| headroom(&meters, now)).unwrap_or_default();
        (known.is_some() || micros.is_some() || !headroom.is_empty()).then(|| Self {
            model: name.to_string(),
            standing: known.as_ref().map_or(Standing::Active, |known| known.standing),
            known,
            latency_ms: micros.map(|micros| u64::from(micros / 1000)),
            headroom,
        })
    }
}

impl ProviderView {
    pub(crate) fn new(endpoint: &Endpoint, now: Moment) -> Self {
        let settings = endpoint.settings();
        let mut models: Vec<_> = endpoint
            .models()
            .iter()
            .map(|(name, model)| ProviderModelView {
                model: name.to_string(),
                rests_until: model.health.told(now),
                circuit: CircuitView::new(&model.health.circuit, now, settings),
                typical_ms: model.typical(now.monotonic_ms()).map(|micros| u64::from(micros / 1000)),
                in_flight: model.capacity.in_flight(),
                at_once: model.capacity.limit(now),
            })
            .collect();
        models.sort_by(|one, other| one.model.cmp(&other.model));
        Self {
            provider: endpoint.provider,
            rests_until: endpoint.health.told(now),
            circuit: CircuitView::new(&endpoint.health.circuit, now, settings),
            in_flight: endpoint.capacity.in_flight(),
            at_once: endpoint.capacity.limit(now),
            models,
        }
    }
}

impl CircuitView {
    fn new(circuit: &Circuit, now: Moment, settings: &Settings) -> Self {
        Self { phase: phase_word(circuit.phase(now, settings)), has_canary_out: circuit.has_canary_out(now, settings) }
    }
}

/// What is left, meter by meter.
pub(crate) fn headroom(meters: &Meters, now: Moment) -> Vec<MeterView> {
    let view = |left: Left| MeterView {
        counts: left.counts.as_str(),
        window_seconds: left.window.map(|window: Duration| window.as_secs()),
        limit: left.limit,
        remaining: left.remaining,
        resets: left.resets,
    };
    meters.left(now).into_iter().map(view).collect()
}

fn moment(millis: i64) -> Option<Timestamp> {
    (millis != 0).then(|| Timestamp::from_unix_millis(millis))
}
