use keyward_domain::standing::{Cause, KeyStanding, Standing};
use keyward_domain::time::Timestamp;
use keyward_pool as pool;
use serde::Serialize;
use utoipa::ToSchema;

use crate::field::Moment;

/// What is known of a key's fitness: learned from traffic and probes, kept across restarts.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct KeyHealthView {
    /// How fit it is, and why.
    #[serde(flatten)]
    pub standing: StandingView,
    /// Its circuit: `closed`, `open` (it fails too often and rests), `half_open` (one call tries whether it works).
    pub circuit: &'static str,
    /// How much of its fair share it gets, in thousandths: less than all for a while after it came back.
    pub share_permille: u32,
    /// Calls under way.
    pub in_flight: u32,
    /// Calls that ended and say something about the key, since the server started.
    pub requests: u64,
    /// Those of them that failed.
    pub failures: u64,
    /// Failures in a row.
    pub consecutive_failures: u32,
    /// Calls that succeeded, in thousandths; `null` before the first.
    pub success_permille: Option<u32>,
    /// Failures of late, in thousandths.
    pub failing_permille: u32,
    /// Times to the first content of late.
    pub latency: Option<LatencyView>,
    /// What is left of its provider's limits, where answers said so.
    pub headroom: Vec<MeterView>,
    /// What is known of it with single models.
    pub models: Vec<ModelHealthView>,
    /// The end of the last good call.
    pub last_success: Option<Moment>,
    /// The end of the last bad call.
    pub last_failure: Option<Moment>,
    /// When it was last proved to work by a call, or asked about.
    pub proved_at: Option<Moment>,
    /// How long ago that was, in seconds.
    pub proof_age_seconds: Option<u64>,
}

/// How fit a key, or a key with one model, is.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct StandingView {
    /// `active` (nothing is known against it), `cooling` (told to rest, or failing too often), `exhausted` (a quota or
    /// the credit is used up), `suspect` (the provider does not accept it; a person has to look).
    pub standing: &'static str,
    /// When it is back by itself; `null` when nothing is known against it, or only a person can help.
    pub until: Option<Moment>,
    /// Why.
    pub reason: Option<String>,
    /// What kind of trouble, such as `rate_limited`.
    pub trouble: Option<&'static str>,
    /// Who or what said so.
    pub cause: Option<CauseView>,
    /// Since when.
    pub since: Option<Moment>,
}

/// Who or what changed a standing.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CauseView {
    /// `answer` (to a call), `lease` (a report), `probe` (asking the provider), `sibling` (another key of the same
    /// account), `operator`, `time` (its time had come).
    pub by: &'static str,
    /// The call whose answer it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// The provider's status; 0 when there was no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The lease whose report it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lease: Option<String>,
    /// The id of the key that learned it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Who it was, as the audit log names them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
}

/// Times to the first content of late, at most 25 % too high.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct LatencyView {
    /// Half of the calls were faster, in milliseconds.
    pub p50_ms: u64,
    /// 95 of 100 were faster.
    pub p95_ms: u64,
    /// 99 of 100 were faster.
    pub p99_ms: u64,
}

/// What is left of one of a provider's limits.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
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
    pub resets: Moment,
}

/// A key with one model.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ModelHealthView {
    /// The model.
    pub model: String,
    /// How fit the key is for it, and why.
    #[serde(flatten)]
    pub standing: StandingView,
    /// The average time to the first content, in milliseconds, once known.
    pub latency_ms: Option<u64>,
    /// What is left of its provider's limits for this model.
    pub headroom: Vec<MeterView>,
}

impl KeyHealthView {
    /// The view of what a pool knows.
    pub fn of(known: &pool::KeyView, now: Timestamp) -> Self {
        // A call that went well proves no less than asking.
        let proved_at = known.proved_at.max(known.last_success);
        Self {
            standing: StandingView::of(known.standing, known.known.as_ref()),
            circuit: known.circuit.phase,
            share_permille: known.share_permille,
            in_flight: known.in_flight,
            requests: known.requests,
            failures: known.failures,
            consecutive_failures: known.consecutive_failures,
            success_permille: known.success_permille,
            failing_permille: known.failing_permille,
            latency: known.latency.map(|pool::LatencyView { p50_ms, p95_ms, p99_ms }| LatencyView {
                p50_ms,
                p95_ms,
                p99_ms,
            }),
            headroom: known.headroom.iter().map(MeterView::of).collect(),
            models: known.models.iter().map(ModelHealthView::of).collect(),
            last_success: known.last_success.map(Moment),
            last_failure: known.last_failure.map(Moment),
            proved_at: proved_at.map(Moment),
            proof_age_seconds: proved_at.map(|at| now.since(at).as_secs()),
        }
    }
}

impl StandingView {
    /// The view of a standing, with what is known about it.
    pub fn of(standing: Standing, known: Option<&KeyStanding>) -> Self {
        Self {
            standing: standing.as_str(),
            until: standing.until().map(Moment),
            reason: known.map(|known| known.reason.clone()),
            trouble: known.and_then(|known| known.trouble).map(keyward_domain::judgement::Trouble::as_str),
            cause: known.map(|known| CauseView::of(&known.cause)),
            since: known.map(|known| Moment(known.since)),
        }
    }
}

impl CauseView {
    /// The view of a cause.
    pub fn of(cause: &Cause) -> Self {
        let blank = Self { by: cause.as_str(), request: None, status: None, lease: None, key: None, principal: None };
        match cause {
            Cause::Answer { request, status } => {
                Self { request: Some(request.to_string()), status: Some(*status), ..blank }
            }
            Cause::Lease { lease } => Self { lease: Some(lease.to_string()), ..blank },
            Cause::Sibling { credential } => Self { key: Some(credential.to_string()), ..blank },
            Cause::Operator { principal } => Self { principal: Some(principal.clone()), ..blank },
            Cause::Probe | Cause::Time => blank,
        }
    }
}

impl MeterView {
    /// The view of a meter.
    pub fn of(meter: &pool::MeterView) -> Self {
        let pool::MeterView { counts, window_seconds, limit, remaining, resets } = *meter;
        Self { counts, window_seconds, limit, remaining, resets: Moment(resets) }
    }
}

impl ModelHealthView {
    fn of(known: &pool::ModelView) -> Self {
        Self {
            model: known.model.clone(),
            standing: StandingView::of(known.standing, known.known.as_ref()),
            latency_ms: known.latency_ms,
            headroom: known.headroom.iter().map(MeterView::of).collect(),
        }
    }
}
