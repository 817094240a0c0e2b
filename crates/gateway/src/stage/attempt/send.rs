//! Send: one request, one head of an answer, or the reason why there is none.

use std::rc::Rc;
use std::time::Duration;

use http::{Request, Response};
use keyward_domain::denial::{Deadline, Denial};
use keyward_domain::ledger::AttemptOutcome;

use super::OpenAttempt;
use super::draft::Draft;
use super::failures::Failure;
use crate::body::Outgoing;
use crate::stage::arrive::Arrival;
use crate::stage::route::Candidate;
use crate::upstream::{Destination, Flowing};
use crate::worker::Worker;

/// What came of sending.
pub(super) enum Sent {
    /// The provider answers; whether well or not is judged next.
    Answered(Box<OpenAttempt>, Response<Flowing>),
    /// It does not. The ledger row is written.
    Failed(Failure),
}

/// Sends the request and waits for the head of the answer.
pub(super) async fn request(
    worker: &Rc<Worker>,
    arrival: &Arrival,
    draft: &Draft,
    candidate: &Candidate,
    mut attempt: Box<OpenAttempt>,
    request: Request<Outgoing>,
) -> Result<Sent, Denial> {
    let now = worker.monotonic();
    let (which, limit) = deadline(worker, arrival, now, matches!(request.body(), Outgoing::Upload(_)))?;
    let provider = &candidate.target.provider;
    let to = Destination { origin: &provider.origin, allow_private: provider.allow_private };
    attempt.mark_sent(now);
    let sent = tokio::time::timeout(limit, worker.upstream.send(&to, request)).await;
    if let Some(denial) = draft.upload_fault.take() {
        // The client's own upload broke off or was not what it began as; the provider is not to blame.
        attempt.cut(worker, AttemptOutcome::ClientGone, None).committed().await?;
        return Err(denial);
    }
    match sent {
        Ok(Ok(response)) => {
            attempt.status = response.status().as_u16();
            Ok(Sent::Answered(attempt, response))
        }
        Ok(Err(error)) => {
            let may_be_billed = error.may_have_been_sent();
            let failure = Failure::not_answered(error);
            let ledger = if may_be_billed {
                attempt.cut(worker, AttemptOutcome::Cut, Some(&failure.judgement))
            } else {
                attempt.failed(worker, AttemptOutcome::NotSent, &failure.judgement)
            };
            ledger.committed().await?;
            Ok(Sent::Failed(failure))
        }
        Err(_) => {
            let failure = Failure::timed_out(which, limit);
            // The call's own deadline may have been used up by its client or by waiting: that is nobody's fault.
            let judged = (which == Deadline::FirstContent).then_some(&failure.judgement);
            attempt.cut(worker, AttemptOutcome::Cut, judged).committed().await?;
            Ok(Sent::Failed(failure))
        }
    }
}

/// The deadline that comes first. An upload takes as long as its client takes, so only the call's own deadline counts.
fn deadline(
    worker: &Worker,
    arrival: &Arrival,
    now: Duration,
    is_upload: bool,
) -> Result<(Deadline, Duration), Denial> {
    let deadlines = &worker.shared.options.deadlines;
    let left = super::judge::left(worker, arrival, now);
    if left.is_zero() {
        return Err(Denial::UpstreamTimeout(Deadline::Total, deadlines.total));
    }
    if is_upload || left < deadlines.first_content {
        return Ok((Deadline::Total, left));
    }
    Ok((Deadline::FirstContent, deadlines.first_content))
}
