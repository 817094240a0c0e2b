//! Stage 6: [`Plan`] -> [`Answer`]. The only loop on the request path: for each candidate, open its credential, reserve,
//! send, judge. The verdict says use it, try the next, or give up.

mod draft;
mod failures;
mod judge;
mod open_attempt;
mod opened;
mod reserve;
mod send;

use std::rc::Rc;

use bytes::Bytes;
use http::response;
use keyward_dialect::error::Telling;
use keyward_domain::denial::Denial;
use keyward_domain::virtual_key::DisconnectPolicy;

use crate::stage::admit::Place;
use crate::stage::arrive::Arrival;
use crate::stage::route::{Candidate, Plan};
use crate::upstream::Flowing;
use crate::worker::Worker;
use draft::Draft;
use failures::Failures;
pub(crate) use open_attempt::{BYTES_PER_TOKEN, OpenAttempt};
pub(crate) use opened::OpenedKeys;

/// An answer of a provider, its ledger row still open.
pub(crate) struct Answer {
    pub(crate) head: response::Parts,
    pub(crate) body: AnswerBody,
    pub(crate) attempt: OpenAttempt,
    pub(crate) candidate: Candidate,
    /// Upstream calls made for this client call, this one included.
    pub(crate) attempts: u8,
    pub(crate) place: Place,
    pub(crate) about: About,
}

/// What the relay has to know about the call.
pub(crate) struct About {
    /// Whether the client wants the answer piece by piece.
    pub(crate) streamed: bool,
    /// Whether usage was asked for on the client's behalf, and has to be kept from it.
    pub(crate) hide_usage: bool,
    /// What happens upstream when the client goes away.
    pub(crate) on_disconnect: DisconnectPolicy,
    /// What an echo of the provider key is known by.
    pub(crate) telling: Option<Telling>,
}

/// The body of an answer.
pub(crate) enum AnswerBody {
    /// Still arriving.
    Flowing(Flowing),
    /// An error that was read to be judged; it is passed on as it came.
    Judged(Bytes),
}

/// What came of one attempt.
enum Tried {
    Answered(Box<(response::Parts, AnswerBody, OpenAttempt)>),
    Failed(failures::Failure),
}

/// Tries the candidates in order until one answers.
pub(crate) async fn answer(worker: &Rc<Worker>, arrival: &Arrival, plan: Plan) -> Result<Answer, Denial> {
    let (mut draft, place, mut candidates, at_most) = Draft::of(plan, &worker.shared.options.limits);
    let mut failures = Failures::default();
    while let Some(candidate) = candidates.pop_front() {
        if failures.attempts() >= at_most {
            break;
        }
        if failures.rules_out(&candidate, &candidates) {
            continue;
        }
        let credential = match worker.opened.header(worker, arrival, &candidate) {
            Ok(credential) => credential,
            Err(opened::Unopened::Locked) => return Err(Denial::VaultLocked),
            Err(opened::Unopened::Damaged(why)) => {
                failures.unusable(&candidate, why);
                continue;
            }
        };
        let attempts = failures.attempts() + 1;
        let is_last = candidates.is_empty() || attempts == at_most;
        let request = draft.request(arrival, &candidate, credential.as_ref(), is_last)?;
        let attempt = reserve::attempt(worker, arrival, &draft, &candidate, attempts).await?;
        let tried = match send::request(worker, arrival, &draft, &candidate, attempt, request).await? {
            send::Sent::Failed(failure) => Tried::Failed(failure),
            send::Sent::Answered(response, attempt) => {
                judge::response(worker, arrival, &candidate, credential.as_ref(), attempt, *response).await?
            }
        };
        match tried {
            Tried::Answered(answered) => {
                let (head, body, attempt) = *answered;
                let about = draft.about(judge::telling(credential.as_ref()));
                return Ok(Answer { head, body, attempt, candidate, attempts, place, about });
            }
            Tried::Failed(failure) => failures.add(&candidate, failure),
        }
    }
    Err(failures.denial(&draft.name))
}
