//! `/healthz`: the process is alive. `/readyz`: it can serve calls. Neither says anything else.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;

use crate::body::Body;
use crate::worker::Worker;

/// The answer, if it was a health check.
pub(super) fn answer(worker: &Worker, request: &Request<Incoming>) -> Option<Response<Body>> {
    if request.method() != Method::GET {
        return None;
    }
    let (status, text) = match request.uri().path() {
        "/healthz" => (StatusCode::OK, "ok\n"),
        "/readyz" if worker.snapshot().is_locked() => (StatusCode::SERVICE_UNAVAILABLE, "vault locked\n"),
        // Calls are served all the same; the limits that nodes share are each what they declare for that.
        "/readyz" if worker.shared.counting.degraded.load(Ordering::Relaxed) => {
            (StatusCode::OK, "ready\ndegraded: shared counters\n")
        }
        "/readyz" => (StatusCode::OK, "ready\n"),
        _ => return None,
    };
    let mut response = Response::new(Body::from(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = status;
    Some(response)
}
