//! Every refusal, in the status and error body of the caller's own dialect. The only place that knows both.

use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, Response, StatusCode};
use keyward_dialect::error;
use keyward_domain::denial::{Denial, LimitReached};
use keyward_domain::ledger::Refusal;

use crate::body::Body;
use crate::stage::arrive::Arrival;
use crate::stage::relay::{RATE_LIMIT, RATE_LIMIT_POLICY};
use crate::worker::Worker;

/// Carries the request id of every answer.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-keyward-request-id");
/// Longer model names are cut in the request log.
const MAX_LOGGED_MODEL: usize = 128;

/// The answer that says no, counted and, when the caller is known, kept in the request log.
pub(crate) fn response(worker: &Worker, arrival: &Arrival, denial: &Denial) -> Response<Body> {
    worker.shared.metrics.refused(arrival, denial);
    note(worker, arrival, denial);
    let named = named(worker, arrival, denial);
    let denial = named.as_ref().unwrap_or(denial);
    let id = arrival.request.to_string();
    let mut response = Response::new(Body::from(error::body(arrival.dialect, denial, &id)));
    *response.status_mut() = StatusCode::from_u16(denial.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, id);
    }
    if let Some(after) = denial.retry_after() {
        // Rounded up: who comes back after so many seconds comes late enough.
        let seconds = after.as_secs().saturating_add(u64::from(after.subsec_nanos() > 0));
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds.max(1)));
    }
    if let Denial::RateLimited(reached) = denial {
        tell_limit(headers, reached);
    }
    if denial.status() == 401 {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// The same refusal, with the name of what the budget or limit is set on instead of its id.
fn named(worker: &Worker, arrival: &Arrival, denial: &Denial) -> Option<Denial> {
    let (scope, (tenant, _)) = (denial.scope()?, arrival.caller?);
    let name = worker.snapshot().name_of(scope, tenant)?;
    Some(denial.clone().calling_it(name))
}

/// The limit that refused, as answers tell of the tightest.
fn tell_limit(headers: &mut HeaderMap, reached: &LimitReached) {
    let Some(period) = reached.period else { return };
    let name = format!("{}-{}-{}", reached.scope.kind().as_str(), reached.meter.as_str(), period.as_str());
    let reset = reached.retry_after.as_secs().saturating_add(u64::from(reached.retry_after.subsec_nanos() > 0));
    let limit = format!("\"{name}\";r=0;t={reset}");
    let policy = format!("\"{name}\";q={};w={}", reached.quota, period.length().as_secs());
    for (name, value) in [(RATE_LIMIT, limit), (RATE_LIMIT_POLICY, policy)] {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    }
}

fn note(worker: &Worker, arrival: &Arrival, denial: &Denial) {
    let Some((tenant, virtual_key)) = arrival.caller else { return };
    let model: String = arrival.model.iter().flat_map(|model| model.chars()).take(MAX_LOGGED_MODEL).collect();
    worker.ledger.refuse(Refusal {
        request: arrival.request,
        at: arrival.at,
        tenant,
        virtual_key,
        requested_model: model.into(),
        dialect: arrival.dialect,
        operation: arrival.operation(),
        code: denial.code().into(),
        status: denial.status(),
    });
}
