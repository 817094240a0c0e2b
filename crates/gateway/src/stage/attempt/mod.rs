//! Stage 6: [`Plan`] -> [`Answer`]. The only loop on the request path: for each candidate, open its credential, reserve,
//! send, judge. The verdict says use it, try the next, or give up.

mod draft;
mod failures;
mod opened;
mod tried;

use std::rc::Rc;

use bytes::Bytes;
use http::response;
use keyward_domain::denial::Denial;

use crate::stage::admit::Place;
use crate::stage::arrive::Arrival;
use crate::stage::route::{Candidate, Plan};
use crate::upstream::Flowing;
use crate::worker::Worker;
use draft::Draft;
use failures::Failures;
pub(crate) use opened::OpenedKeys;
pub(crate) use tried::{Asked, BYTES_PER_TOKEN, OpenAttempt};
use tried::{Tried, try_candidate};

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
    /// Whether usage was asked for on the client's behalf, and has to be kept from it.
    pub(crate) hide_usage: bool,
    /// What happens upstream when the client goes away.
    pub(crate) on_disconnect: keyward_domain::virtual_key::DisconnectPolicy,
}

/// The body of an answer.
pub(crate) enum AnswerBody {
    /// Still arriving.
    Flowing(Flowing),
    /// An error that was read to be judged; it is passed on as it came.
    Judged(Bytes),
}

/// Tries the candidates in order until one answers.
pub(crate) async fn answer(worker: &Rc<Worker>, arrival: &Arrival, plan: Plan) -> Result<Answer, Denial> {
    let (mut draft, place, candidates) = Draft::of(plan, worker.shared.options.limits.upload_body);
    let mut failures = Failures::default();
    let last = candidates.len().saturating_sub(1);
    for (index, candidate) in candidates.into_iter().enumerate() {
        let credential = match worker.opened.header(worker, arrival, &candidate) {
            Ok(credential) => credential,
            Err(opened::Unopened::Locked) => return Err(Denial::VaultLocked),
            Err(opened::Unopened::Damaged(why)) => {
                failures.unusable(&candidate, why);
                continue;
            }
        };
        let request = draft.request(arrival, &candidate, credential.as_ref(), index == last)?;
        let tried = try_candidate(worker, arrival, &draft, &candidate, &failures, credential.as_ref(), request).await?;
        match tried {
            Tried::Answered(answered) => {
                let (head, body, attempt) = *answered;
                let about = draft.about();
                return Ok(Answer { head, body, attempt, candidate, attempts: failures.attempts() + 1, place, about });
            }
            Tried::Failed(failure) => failures.add(&candidate, failure),
        }
    }
    failures.outcome()
}
