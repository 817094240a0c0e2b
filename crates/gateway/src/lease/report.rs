//! Saying how a lease went, or giving it back.

use std::borrow::Cow;
use std::rc::Rc;
use std::time::Duration;

use http::{HeaderMap, Request, Response, StatusCode};
use hyper::body::Incoming;
use keyward_domain::denial::Denial;
use keyward_domain::ids::RequestId;
use keyward_domain::judgement::{Blame, Judgement, Lasts, Next, Trouble};
use keyward_domain::lease::LeaseState;
use keyward_domain::ledger::AttemptOutcome;
use keyward_domain::usage::{Usage, UsageSource};
use keyward_provider::{Asked, NotAnswered, judgement, not_answered};

use super::end::{self, End};
use super::wire::{Ended, Report, Went};
use super::{OpenLease, answer, with_store};
use crate::body::Body;
use crate::ledger::Spent;
use crate::snapshot::ProviderEntry;
use crate::stage::arrive::Arrival;
use crate::stage::authenticate::Caller;
use crate::stage::read;
use crate::worker::Worker;

/// The largest report, in bytes.
const MAX_REPORT: u64 = 256 * 1024;
/// How long a key rests that is reported as limited when nobody says how long, and at most.
const USUAL_REST: Duration = Duration::from_secs(5);
const LONGEST_REST: Duration = Duration::from_hours(24);

/// Settles a lease by what its taker says.
pub(super) async fn lease(
    worker: &Rc<Worker>,
    arrival: &Arrival,
    caller: &Caller,
    id: RequestId,
    request: Request<Incoming>,
) -> Result<Response<Body>, Denial> {
    let report: Report = read::small_json(worker, request, MAX_REPORT).await?;
    let lease = find(worker, caller, id).await?;
    let provider = caller.key().world.providers.get(lease.record.provider_name.as_str());
    let judged = judged(worker, &report, provider.map(|provider| &**provider));
    let spent = spent(&report, judged.as_ref());
    let outcome = judged.as_ref().map_or("it served", |judged| &judged.reason).to_owned();
    let audit = super::take::audit(worker, caller, "lease.report", &lease.record)?;
    let end = End { state: LeaseState::Reported, spent, judged, outcome, audit: Some(audit) };
    let (cost, outcome) = end::settle(worker, lease, end).await?;
    let cost_usd = cost.map(|cost| cost.to_string().trim_start_matches('$').to_owned());
    let state = LeaseState::Reported.as_str();
    answer(arrival, StatusCode::OK, &Ended { id: id.to_string(), object: "lease", state, cost_usd, outcome: &outcome })
}

/// Settles a lease that was not used.
pub(super) async fn returned(
    worker: &Rc<Worker>,
    arrival: &Arrival,
    caller: &Caller,
    id: RequestId,
) -> Result<Response<Body>, Denial> {
    let lease = find(worker, caller, id).await?;
    let audit = super::take::audit(worker, caller, "lease.return", &lease.record)?;
    let spent = Spent::nothing(AttemptOutcome::NotSent, 0, Duration::ZERO);
    let outcome = "given back unused".to_owned();
    let end = End { state: LeaseState::Returned, spent, judged: None, outcome, audit: Some(audit) };
    let (_, outcome) = end::settle(worker, lease, end).await?;
    let state = LeaseState::Returned.as_str();
    let ended =
        Ended { id: id.to_string(), object: "lease", state, cost_usd: Some("0.00".to_owned()), outcome: &outcome };
    answer(arrival, StatusCode::OK, &ended)
}

/// The caller's own open lease. It is off the desk from then on, so that it ends once.
async fn find(worker: &Worker, caller: &Caller, id: RequestId) -> Result<OpenLease, Denial> {
    let own = caller.key().record.id;
    {
        let mut leases = worker.shared.leases.leases();
        if leases.get(&id).is_some_and(|lease| lease.record.virtual_key == own) {
            return leases.remove(&id).ok_or(Denial::LeaseNotFound);
        }
    }
    let kept = with_store(worker, move |store| store.lease(id)).await?;
    let record = kept.filter(|lease| lease.virtual_key == own).ok_or(Denial::LeaseNotFound)?;
    if record.state != LeaseState::Open {
        return Err(Denial::LeaseEnded);
    }
    Ok(OpenLease { record, claim: None, target: None })
}

/// What the report means for the key.
fn judged(worker: &Worker, report: &Report, provider: Option<&ProviderEntry>) -> Option<Judgement> {
    let now = worker.now();
    match report.outcome {
        Went::Succeeded => None,
        Went::RateLimited => {
            let rest = report.retry_after_seconds.map_or(USUAL_REST, Duration::from_secs).min(LONGEST_REST);
            Some(Judgement {
                blame: Blame::Account,
                lasts: Lasts::Until(now.plus(rest)),
                next: Next::OtherAccount,
                trouble: Trouble::RateLimited,
                reason: Cow::Borrowed("reported as rate limited by the taker of a lease"),
                known: true,
            })
        }
        Went::Failed => {
            let status = report.status.and_then(|status| StatusCode::from_u16(status).ok());
            let (Some(provider), Some(status)) = (provider, status.filter(|status| !status.is_success())) else {
                return Some(not_answered(NotAnswered::Broken));
            };
            let mut headers = HeaderMap::new();
            if let Some(seconds) = report.retry_after_seconds {
                headers.insert(http::header::RETRY_AFTER, seconds.into());
            }
            let body = report.error.as_ref().map(ToString::to_string).unwrap_or_default();
            let (kind, overrides) = (provider.kind, &*provider.rules);
            Some(judgement(&Asked { kind, status, headers: &headers, body: body.as_bytes(), overrides, now }))
        }
    }
}

fn spent(report: &Report, judged: Option<&Judgement>) -> Spent {
    let usage = Usage::from(report.usage);
    let outcome = if judged.is_some() { AttemptOutcome::UpstreamError } else { AttemptOutcome::Completed };
    let duration = Duration::from_millis(report.duration_ms.unwrap_or_default());
    let source = if usage.is_zero() { UsageSource::None } else { UsageSource::Provider };
    Spent {
        usage,
        source,
        first_content: report.first_content_ms.map(Duration::from_millis),
        ..Spent::nothing(outcome, report.status.unwrap_or_default(), duration)
    }
}
