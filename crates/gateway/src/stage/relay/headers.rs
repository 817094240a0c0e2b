//! The headers of an answer: the provider's own, and who answered.

use std::time::Duration;

use http::header::{HeaderName, HeaderValue};
use http::response::Parts;
use keyward_domain::money::Nanodollars;

use super::clean;
use crate::refuse::REQUEST_ID;
use crate::stage::admit::Place;
use crate::stage::arrive::Arrival;
use crate::stage::attempt::EXPLAIN;
use crate::stage::route::Candidate;

const PROVIDER: HeaderName = HeaderName::from_static("x-keyward-provider");
const MODEL: HeaderName = HeaderName::from_static("x-keyward-model");
const KEY: HeaderName = HeaderName::from_static("x-keyward-key");
const ATTEMPTS: HeaderName = HeaderName::from_static("x-keyward-attempts");
const CACHE: HeaderName = HeaderName::from_static("x-keyward-cache");
/// Most answers; a constant takes no memory.
const FIRST_ATTEMPT: HeaderValue = HeaderValue::from_static("1");
const CACHE_OFF: HeaderValue = HeaderValue::from_static("off");
/// The names of draft-ietf-httpapi-ratelimit-headers.
pub(crate) const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
pub(crate) const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const OUTPUT_CAP: HeaderName = HeaderName::from_static("x-keyward-output-cap");
const COST: HeaderName = HeaderName::from_static("x-keyward-cost-usd");

/// Cleans the provider's headers and adds ours. `length` is the body's, when all of it is here.
pub(super) fn finish(head: &mut Parts, arrival: &Arrival, candidate: &Candidate, attempts: u8, length: Option<usize>) {
    clean(head, length);
    head.version = http::Version::HTTP_11;
    let headers = &mut head.headers;
    if let Ok(id) = HeaderValue::from_maybe_shared(arrival.request.to_string().into_bytes()) {
        headers.insert(REQUEST_ID, id);
    }
    headers.insert(PROVIDER, candidate.target.provider.name_header.clone());
    headers.insert(MODEL, candidate.target.model_header.clone());
    if let Some(key) = &candidate.key {
        headers.insert(KEY, key.pooled.name_header.clone());
    }
    headers.insert(ATTEMPTS, if attempts == 1 { FIRST_ATTEMPT } else { HeaderValue::from(u16::from(attempts)) });
    headers.insert(CACHE, CACHE_OFF);
}

/// How much the tightest limit of the caller still allows.
pub(super) fn limits(head: &mut Parts, place: Option<&Place>) {
    let Some(counted) = place.and_then(|place| place.counted.as_ref()) else { return };
    let told = counted.with(|taken| {
        let tightest = taken.tightest()?;
        let (name, reset) = (tightest.name(), whole_seconds(tightest.reset));
        let window = tightest.limit.period?.length().as_secs();
        let limit = format!("\"{name}\";r={};t={reset}", tightest.remaining);
        Some((limit, format!("\"{name}\";q={};w={window}", tightest.limit.quota)))
    });
    let Some((limit, policy)) = told.flatten() else { return };
    for (name, value) in [(RATE_LIMIT, limit), (RATE_LIMIT_POLICY, policy)] {
        if let Ok(value) = HeaderValue::try_from(value) {
            head.headers.insert(name, value);
        }
    }
}

/// Rounded up: who comes back after so many seconds comes late enough.
fn whole_seconds(length: Duration) -> u64 {
    length.as_secs().saturating_add(u64::from(length.subsec_nanos() > 0))
}

/// Which way the call took, when the client wants to know.
pub(super) fn explain(head: &mut Parts, explained: Option<String>) {
    if let Some(value) = explained.and_then(|way| HeaderValue::try_from(way).ok()) {
        head.headers.insert(EXPLAIN, value);
    }
}

/// The cap that was put in because a budget has no money for more: the answer may be shorter than what was asked for.
pub(super) fn lowered(head: &mut Parts, cap: Option<u64>) {
    if let Some(cap) = cap {
        head.headers.insert(OUTPUT_CAP, HeaderValue::from(cap));
    }
}

/// What the call cost, when it is known before the body ends.
pub(super) fn cost(head: &mut Parts, cost: Option<Nanodollars>) {
    let Some(cost) = cost else { return };
    if let Ok(value) = HeaderValue::from_str(cost.to_string().trim_start_matches('$')) {
        head.headers.insert(COST, value);
    }
}
