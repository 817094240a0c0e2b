//! Judge: a good answer is used; of a bad one the vendor's own table says what it means for the call and for the key.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Response, response};
use http_body_util::BodyExt;
use keyward_dialect::error::Telling;
use keyward_domain::denial::Denial;
use keyward_domain::judgement::Next;
use keyward_domain::ledger::AttemptOutcome;
use keyward_provider::{Asked, judgement, quota};

use super::OpenAttempt;
use super::failures::Failure;
use crate::snapshot::ProviderEntry;
use crate::stage::arrive::Arrival;
use crate::stage::relay::Begun;
use crate::stage::route::Course;
use crate::upstream::Flowing;
use crate::worker::Worker;

/// An error body is read up to here, in bytes, to be judged and passed on; the rest is cut.
const MAX_ERROR_BODY: usize = 1 << 20;

/// What an answer's head, and of an error its body, were judged to mean.
pub(super) enum Judged {
    /// A good answer, to be relayed.
    Good(response::Parts, Flowing, Box<OpenAttempt>),
    /// An error that is the client's to see, as it came; its row is written.
    PassOn(response::Parts, Bytes),
    /// It did not serve; its row is written.
    Failed(Failure),
}

/// Judges an answer by its head and, if it is an error, by its body. An error costs nothing unless the provider says
/// otherwise, and none does.
pub(super) async fn response(
    worker: &Worker,
    arrival: &Arrival,
    course: &mut Course,
    provider: &ProviderEntry,
    credential: Option<&(HeaderName, HeaderValue)>,
    (attempt, response): (Box<OpenAttempt>, Response<Flowing>),
) -> Result<Judged, Denial> {
    let (mut head, body) = response.into_parts();
    withhold(&mut head.headers, credential);
    let now = worker.now();
    attempt.learn(&quota(provider.kind, &head.headers, now), worker);
    if head.status.is_success() {
        return Ok(Judged::Good(head, body, attempt));
    }
    let patience = worker.shared.options.deadlines.idle.min(left(worker, arrival, worker.monotonic()));
    let body = beginning(body, patience).await;
    let (kind, status, headers, overrides) = (provider.kind, head.status, &head.headers, &*provider.rules);
    let judged = judgement(&Asked { kind, status, headers, body: &body, overrides, now });
    attempt.failed(worker, AttemptOutcome::UpstreamError, &judged).committed().await?;
    if judged.next != Next::Use {
        return Ok(Judged::Failed(Failure::answered(judged, status.as_u16())));
    }
    let body = scrubbed(body, credential);
    if course.falls_back(judged.trouble) {
        return Ok(Judged::Failed(Failure::refused(judged, head, Begun::Whole(body, None))));
    }
    Ok(Judged::PassOn(head, body))
}

/// How much of the call's own deadline is left.
pub(super) fn left(worker: &Worker, arrival: &Arrival, now: Duration) -> Duration {
    let spent = now.saturating_sub(arrival.began);
    worker.shared.options.deadlines.total.saturating_sub(spent)
}

/// As much of the body as comes within this time and fits the limit.
async fn beginning(mut body: Flowing, patience: Duration) -> Bytes {
    let mut read = BytesMut::new();
    let reading = async {
        while let Some(Ok(frame)) = body.frame().await {
            let data = frame.into_data().unwrap_or_default();
            let room = MAX_ERROR_BODY - read.len();
            read.extend_from_slice(data.get(..room).unwrap_or(&data));
            if read.len() == MAX_ERROR_BODY {
                break;
            }
        }
    };
    // What has come by then is judged.
    let _ = tokio::time::timeout(patience, reading).await;
    read.freeze()
}

/// What an echo of the provider key is known by.
pub(super) fn telling(credential: Option<&(HeaderName, HeaderValue)>) -> Option<Telling> {
    Telling::of(secret(credential?))
}

/// Takes out the headers in which the provider echoes its key.
fn withhold(headers: &mut HeaderMap, credential: Option<&(HeaderName, HeaderValue)>) {
    let Some(telling) = telling(credential) else { return };
    let echoing = |(name, value): (&HeaderName, &HeaderValue)| telling.is_in(value.as_bytes()).then(|| name.clone());
    let echoing: Vec<_> = headers.iter().filter_map(echoing).collect();
    for name in echoing {
        headers.remove(name);
    }
}

/// The body without the provider key, should the provider have echoed it.
fn scrubbed(body: Bytes, credential: Option<&(HeaderName, HeaderValue)>) -> Bytes {
    let Some(credential) = credential else { return body };
    keyward_dialect::error::scrub(body, secret(credential))
}

fn secret((_, value): &(HeaderName, HeaderValue)) -> &[u8] {
    let value = value.as_bytes();
    value.strip_prefix(b"Bearer ").unwrap_or(value)
}
