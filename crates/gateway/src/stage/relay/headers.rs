//! The headers of an answer: the provider's own, and who answered.

use http::header::{HeaderName, HeaderValue};
use http::response::Parts;
use keyward_domain::money::Nanodollars;

use super::clean;
use crate::refuse::REQUEST_ID;
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

/// Which way the call took, when the client wants to know.
pub(super) fn explain(head: &mut Parts, explained: Option<String>) {
    if let Some(value) = explained.and_then(|way| HeaderValue::try_from(way).ok()) {
        head.headers.insert(EXPLAIN, value);
    }
}

/// What the call cost, when it is known before the body ends.
pub(super) fn cost(head: &mut Parts, cost: Option<Nanodollars>) {
    let Some(cost) = cost else { return };
    if let Ok(value) = HeaderValue::from_str(cost.to_string().trim_start_matches('$')) {
        head.headers.insert(COST, value);
    }
}
