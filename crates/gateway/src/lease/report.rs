//! Saying how a lease went, or giving it back.

use std::borrow::Cow;
use std::rc::Rc;
use std::time::Duration;

use http::{HeaderMap, Request, Response, StatusCode};
use hyper::body::Incoming;
use keyward_domain::audit::AuditDraft;
use keyward_domain::denial::Denial;
use keyward_domain::ids::RequestId;
use keyward_domain::judgement::{Blame, Judgement, Lasts, Next, Trouble};
use keyward_domain::lease::LeaseState;
use keyward_domain::ledger::AttemptOutcome;
use keyward_domain::usage::{Usage, UsageSource};
use keyward_provider::judgement::MAX_MOMENT;
use keyward_provider::{Asked, judgement};

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
/// How long a key rests that is reported as limited when nobody says how long; at most as long as a provider would be
/// believed.
const USUAL_REST: Duration = Duration::from_secs(5);

/// Settles a lease by what its taker says.
pub(super) async fn lease(
    worker: &Rc<Worker>,
    arrival: &Arrival,
    caller: &Caller,
    id: RequestId,
    request: Request<Incoming>,
) -> Result<Response<Body>, Denial> {
    let report: Report = read::small_json(worker, request, MAX_REPORT).await?;
    let mut lease = find(worker, caller, id).await?;
    find_price(caller, &mut lease);
    let provider = caller.key().world.providers.get(lease.record.provider_name.as_str());
    let judged = judged(worker, &report, provider.map(|provider| &**provider));
    let spent = spent(&report, &lease);
    let served = report.outcome == Went::Succeeded;
    let outcome = judged.as_ref().map_or(if served { "it served" } else { "it failed" }, |judged| &judged.reason);
    let outcome = outcome.to_owned();
    let audit = audit(worker, caller, "lease.report", &lease);
    let end = End { state: LeaseState::Reported, spent, judged, served, outcome, audit };
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
    let audit = audit(worker, caller, "lease.return", &lease);
    let spent = Spent::nothing(AttemptOutcome::NotSent, 0, Duration::ZERO);
    let outcome = "given back unused".to_owned();
    let end = End { state: LeaseState::Returned, spent, judged: None, served: false, outcome, audit };
    let (_, outcome) = end::settle(worker, lease, end).await?;
    let state = LeaseState::Returned.as_str();
    let ended =
        Ended { id: id.to_string(), object: "lease", state, cost_usd: Some("0.00".to_owned()), outcome: &outcome };
    answer(arrival, StatusCode::OK, &ended)
}

/// The caller's own open lease, off the desk. One whose time is over is settled as that.
async fn find(worker: &Rc<Worker>, caller: &Caller, id: RequestId) -> Result<OpenLease, Denial> {
    let own = caller.key().record.id;
    match worker.shared.leases.take(id, own) {
        Ok(lease) if lease.record.expires_at <= worker.now() => {
            end::expired(worker, lease).await?;
            Err(Denial::LeaseEnded)
        }
        // Not on the desk: it ended, or it never was.
        Err(Denial::LeaseNotFound) => {
            let kept = with_store(worker, move |store| store.lease(id)).await?;
            Err(kept.filter(|lease| lease.virtual_key == own).map_or(Denial::LeaseNotFound, |_| Denial::LeaseEnded))
        }
        other => other,
    }
}

/// After a restart a lease knows the name of its model only.
fn find_price(caller: &Caller, lease: &mut OpenLease) {
    if lease.target.is_some() {
        return;
    }
    let (world, provider) = (&caller.key().world, &*lease.record.provider_name);
    lease.target = match &lease.record.model {
        Some(model) => world.resolve(&format!("{provider}/{model}")).ok().and_then(|way| way.targets.first().cloned()),
        None => world.providers.get(provider).map(|provider| world.any_of(provider)),
    };
}

/// An end without its audit entry is better than none.
fn audit(worker: &Worker, caller: &Caller, action: &'static str, lease: &OpenLease) -> Option<AuditDraft> {
    super::take::audit(worker, caller, action, &lease.record).ok()
}

/// What the report means for the key.
fn judged(worker: &Worker, report: &Report, provider: Option<&ProviderEntry>) -> Option<Judgement> {
    let now = worker.now();
    match report.outcome {
        Went::Succeeded => None,
        Went::RateLimited => {
            let rest = report.retry_after_seconds.map_or(USUAL_REST, Duration::from_secs).min(MAX_MOMENT);
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
            // Without the provider's own word it is not known whose fault it was.
            let (provider, status) = (provider?, status.filter(|status| !status.is_success())?);
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

/// What is reported. Whoever says that it served and not what was used is charged what it can have cost at most, as one
/// who says nothing is.
fn spent(report: &Report, lease: &OpenLease) -> Spent {
    let usage = Usage::from(report.usage);
    let served = report.outcome == Went::Succeeded;
    if served && usage.is_zero() {
        return Spent { first_content: first_content(report), ..end::at_most(lease, AttemptOutcome::Completed) };
    }
    let outcome = if served { AttemptOutcome::Completed } else { AttemptOutcome::UpstreamError };
    let duration = Duration::from_millis(report.duration_ms.unwrap_or_default());
    let source = if usage.is_zero() { UsageSource::None } else { UsageSource::Provider };
    let nothing = Spent::nothing(outcome, report.status.unwrap_or_default(), duration);
    Spent { usage, source, first_content: first_content(report), ..nothing }
}

fn first_content(report: &Report) -> Option<Duration> {
    report.first_content_ms.or(report.duration_ms).map(Duration::from_millis)
}
