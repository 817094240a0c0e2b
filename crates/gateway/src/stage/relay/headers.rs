//! The headers of an answer: the provider's own, and who answered.

use http::header::{CONTENT_LENGTH, HeaderName, HeaderValue};
use http::response::Parts;
use keyward_domain::money::Nanodollars;

use super::clean;
use crate::refuse::REQUEST_ID;
use crate::stage::arrive::Arrival;
use crate::stage::route::Candidate;

const PROVIDER: HeaderName = HeaderName::from_static("x-keyward-provider");
const MODEL: HeaderName = HeaderName::from_static("x-keyward-model");
const KEY: HeaderName = HeaderName::from_static("x-keyward-key");
const ATTEMPTS: HeaderName = HeaderName::from_static("x-keyward-attempts");
const CACHE: HeaderName = HeaderName::from_static("x-keyward-cache");
const COST: HeaderName = HeaderName::from_static("x-keyward-cost-usd");

/// Cleans the provider's headers and adds ours. `length` is the body's, when all of it is here.
pub(super) fn finish(head: &mut Parts, arrival: &Arrival, candidate: &Candidate, attempts: u8, length: Option<usize>) {
    clean(head);
    head.version = http::Version::HTTP_11;
    let headers = &mut head.headers;
    if let Some(length) = length {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    if let Ok(id) = HeaderValue::from_maybe_shared(arrival.request.to_string().into_bytes()) {
        headers.insert(REQUEST_ID, id);
    }
    headers.insert(PROVIDER, candidate.target.provider.name_header.clone());
    headers.insert(MODEL, candidate.target.model_header.clone());
    if let Some(credential) = &candidate.credential {
        headers.insert(KEY, credential.name_header.clone());
    }
    headers.insert(ATTEMPTS, HeaderValue::from(u16::from(attempts)));
    headers.insert(CACHE, HeaderValue::from_static("off"));
}

/// What the call cost, when it is known before the body ends.
pub(super) fn cost(head: &mut Parts, cost: Option<Nanodollars>) {
    let Some(cost) = cost else { return };
    if let Ok(value) = HeaderValue::from_str(cost.to_string().trim_start_matches('$')) {
        head.headers.insert(COST, value);
    }
}
