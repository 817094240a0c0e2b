//! Judge: a good answer is used; of a bad one the vendor's own table says what it means for the call and for the key.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::Response;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http_body_util::BodyExt;
use keyward_dialect::error::Telling;
use keyward_domain::denial::Denial;
use keyward_domain::ledger::AttemptOutcome;
use keyward_provider::{Verdict, judge};

use super::failures::Failure;
use super::{AnswerBody, OpenAttempt, Tried};
use crate::stage::arrive::Arrival;
use crate::stage::route::Candidate;
use crate::upstream::Flowing;
use crate::worker::Worker;

/// An error body is read up to here, in bytes, to be judged and passed on; the rest is cut.
const MAX_ERROR_BODY: usize = 1 << 20;

/// Judges an answer by its head and, if it is an error, by its body. An error costs nothing unless the provider says
/// otherwise, and none does.
pub(super) async fn response(
    worker: &Worker,
    arrival: &Arrival,
    candidate: &Candidate,
    credential: Option<&(HeaderName, HeaderValue)>,
    attempt: OpenAttempt,
    response: Response<Flowing>,
) -> Result<Tried, Denial> {
    let (mut head, body) = response.into_parts();
    withhold(&mut head.headers, credential);
    if head.status.is_success() {
        return Ok(Tried::Answered(Box::new((head, AnswerBody::Flowing(body), attempt))));
    }
    let patience = worker.shared.options.deadlines.idle.min(left(worker, arrival));
    let body = beginning(body, patience).await;
    let failure = match judge(candidate.target.provider.kind, head.status, &head.headers, &body) {
        Verdict::Use => {
            let body = AnswerBody::Judged(scrubbed(body, credential));
            return Ok(Tried::Answered(Box::new((head, body, attempt))));
        }
        Verdict::NextKey { reason, key } => Ok(Failure::Key(key, reason)),
        Verdict::NextDeployment { reason } => Ok(Failure::Provider(head.status.as_u16(), reason)),
        Verdict::GiveUp { denial } => Err(denial),
    };
    attempt.costs_nothing(worker, AttemptOutcome::UpstreamError).committed().await?;
    failure.map(Tried::Failed)
}

/// How much of the call's own deadline is left.
pub(super) fn left(worker: &Worker, arrival: &Arrival) -> Duration {
    let spent = worker.monotonic().saturating_sub(arrival.began);
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
