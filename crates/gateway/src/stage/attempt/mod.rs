//! Stage 6: [`Plan`] -> [`Answer`]. The only loop: open the credential, reserve, send, judge, wait for the first content;
//! then use the answer or go on to whoever may serve instead. Nothing is tried again once content reached the client,
//! and nothing reaches the client before there is content.

mod allow;
mod draft;
mod failures;
mod judge;
mod open_attempt;
mod opened;
mod reserve;
mod send;
mod spending;

use std::rc::Rc;

use keyward_domain::denial::Denial;
use keyward_domain::judgement::Next;
use keyward_provider::in_band;

use crate::snapshot::ProviderEntry;
use crate::stage::admit::{Blocked, Place};
use crate::stage::arrive::Arrival;
use crate::stage::relay::{self, Begun, Parts};
use crate::stage::route::{Candidate, Course, Failed, Plan, Stop};
use crate::worker::Worker;
pub(crate) use allow::{Allowed, Site, at as allow};
use draft::Draft;
pub(crate) use draft::{About, EXPLAIN};
use failures::{Failure, Failures, Left};
pub(crate) use failures::{broken_off, nothing_to_have};
use judge::Judged;
pub(crate) use open_attempt::{BYTES_PER_TOKEN, OpenAttempt};
pub(crate) use opened::OpenedKeys;
pub(crate) use spending::Spending;

/// An answer that the client gets.
pub(crate) struct Answer {
    pub(crate) head: http::response::Parts,
    pub(crate) begun: Begun,
    pub(crate) candidate: Candidate,
    /// Upstream calls made for this client call, this one included.
    pub(crate) attempts: u8,
    /// Kept until the answer has ended.
    pub(crate) place: Option<Place>,
    /// The cap that was put in because a budget has no money for more, in tokens.
    pub(crate) lowered: Option<u64>,
    /// Which way the call took, when the client wants to know.
    pub(crate) explained: Option<String>,
}

/// What came of one attempt.
enum Tried {
    Answered(Box<(http::response::Parts, Begun)>),
    Failed(Failure),
    /// The key could not even be opened.
    Unopened(&'static str),
    /// A budget or a limit of the call, or of who would have served it, stands in the way there.
    Blocked(Blocked),
}

/// Tries one candidate after the other until one answers.
pub(crate) async fn answer(worker: &Rc<Worker>, arrival: &Arrival, plan: Plan) -> Result<Answer, Denial> {
    let (mut draft, place, mut course) = Draft::of(plan, &worker.shared.options.limits);
    let mut failures = Failures::new(worker.shared.options.attempts.explain && draft.asks_for_explanation());
    // What the provider said to the request itself, should a fallback not serve either.
    let mut refused: Option<Answer> = None;
    loop {
        let mut candidate = match next(worker, arrival, &mut course, &failures).await {
            Ok(candidate) => candidate,
            Err(stop) => {
                draft.purse.let_go();
                if course.rest(worker, &stop).await {
                    failures.begin_again();
                    continue;
                }
                return match refused {
                    Some(refused) => Ok(Answer { place: Some(place), ..refused }),
                    None => Err(refusal(worker, &stop, course, failures, &draft.name)),
                };
            }
        };
        draft.waited = course.waited(worker);
        let tried_with = Failed::of(&candidate);
        match try_one(worker, arrival, &mut draft, &mut course, &mut candidate).await? {
            Tried::Answered(answered) => {
                let (head, begun) = *answered;
                let (attempts, explained) = (course.made(), failures.explained(&candidate));
                let lowered = draft.lowered;
                if lowered.is_some() {
                    worker.shared.metrics.lowered();
                }
                return Ok(Answer { head, begun, attempts, candidate, place: Some(place), lowered, explained });
            }
            Tried::Unopened(why) => {
                course.pass_over(&tried_with);
                failures.unusable(&candidate, why);
            }
            Tried::Blocked(blocked) => failures.block(course.pass_by(&tried_with, blocked)),
            Tried::Failed(failure) if failure.judgement.next == Next::GiveUp => return Err(failure.denial),
            Tried::Failed(mut failure) => {
                course.learn(worker, &tried_with, &failure.judgement, failure.may_be_billed);
                let own = failure.own.take();
                failures.add(&candidate, failure);
                if let Some(own) = own {
                    let (head, begun) = *own;
                    let (attempts, explained) = (course.made(), failures.explained(&candidate));
                    refused = Some(Answer { head, begun, attempts, candidate, place: None, lowered: None, explained });
                }
            }
        }
    }
}

/// What the client is told when nothing is left to try.
fn refusal(worker: &Worker, stop: &Stop, course: Course, failures: Failures, model: &str) -> Denial {
    let is_somebody_free_again = course.is_somebody_free_again();
    let soonest = if matches!(stop, Stop::Nothing) { None } else { course.soonest(worker) };
    let no_sooner = course.no_sooner();
    let left = Left { nothing: &course.into_nothing(), is_somebody_free_again, soonest };
    match failures.denial(&left, model, worker.now()) {
        Denial::AllKeysCooling(after) => Denial::AllKeysCooling(after.max(no_sooner)),
        Denial::UpstreamResting(after) => Denial::UpstreamResting(after.max(no_sooner)),
        Denial::UpstreamFull(after) => Denial::UpstreamFull(after.max(no_sooner)),
        Denial::RateLimited(mut said) => {
            said.retry_after = said.retry_after.max(no_sooner);
            Denial::RateLimited(said)
        }
        denial => denial,
    }
}

/// The next candidate, after the pause that the last failure asks for. Who failed for a moment may only be asked again
/// while not too many calls do that. Going on to somebody else needs no leave: whoever fails there as well is soon left
/// out by everybody.
async fn next(worker: &Worker, arrival: &Arrival, course: &mut Course, failures: &Failures) -> Result<Candidate, Stop> {
    let spent = || worker.monotonic().saturating_sub(arrival.began);
    if course.made() > 0 && worker.shared.options.attempts.total.is_some_and(|total| spent() >= total) {
        return Err(Stop::Spent);
    }
    let is_retry = course.made() > 0 && course.asks_again() && failures.last_was_momentary();
    if is_retry && course.has_tries() && !worker.shared.retries.withdraw(worker.moment()) {
        return Err(Stop::NoRetry);
    }
    if course.has_tries() && !course.pause().is_zero() {
        tokio::time::sleep(course.pause()).await;
    }
    course.next(worker)
}

/// One attempt, from the vault to the first content.
async fn try_one(
    worker: &Rc<Worker>,
    arrival: &Arrival,
    draft: &mut Draft,
    course: &mut Course,
    candidate: &mut Candidate,
) -> Result<Tried, Denial> {
    let credential = match worker.opened.header(worker, arrival, candidate) {
        Ok(credential) => credential,
        Err(opened::Unopened::Locked) => return Err(Denial::VaultLocked),
        Err(opened::Unopened::Damaged(why)) => {
            candidate.give_back(worker);
            return Ok(Tried::Unopened(why));
        }
    };
    let allowed = match allow::attempt(worker, arrival, draft, candidate, course).await {
        Ok(allowed) => {
            course.end_wait();
            allowed
        }
        Err(blocked) => {
            candidate.give_back(worker);
            return Ok(Tried::Blocked(blocked));
        }
    };
    let cap = allowed.money.as_ref().and_then(|money| money.fit.cap);
    draft.lowered = allowed.money.as_ref().and_then(|money| money.fit.lowered());
    let request = draft.request(arrival, candidate, credential.as_ref(), cap, course.is_last())?;
    let attempt = reserve::attempt(worker, arrival, draft, candidate, course.made(), allowed).await?;
    let answered = match send::request(worker, arrival, draft, candidate, attempt, request).await? {
        send::Sent::Failed(failure) => return Ok(Tried::Failed(failure)),
        send::Sent::Answered(attempt, response) => (attempt, response),
    };
    let provider = &candidate.target.provider;
    match judge::response(worker, arrival, course, provider, credential.as_ref(), answered).await? {
        Judged::Failed(failure) => Ok(Tried::Failed(failure)),
        Judged::PassOn(head, body) => Ok(Tried::Answered(Box::new((head, Begun::Whole(body, None))))),
        Judged::Good(head, flowing, attempt) => {
            let about = draft.about(judge::telling(credential.as_ref()));
            begin(worker, arrival, course, provider, Parts { head, flowing, attempt, about }).await
        }
    }
}

/// Waits for the first content of a good answer. Until then a failure is nothing that the client ever hears of.
async fn begin(
    worker: &Rc<Worker>,
    arrival: &Arrival,
    course: &mut Course,
    provider: &ProviderEntry,
    parts: Parts,
) -> Result<Tried, Denial> {
    let (head, begun) = relay::begin(worker, arrival, parts).await;
    match begun {
        Begun::Broken(denial) => Ok(Tried::Failed(Failure::broke_off(denial))),
        Begun::Refused(error, begun) => {
            let judged = in_band(provider.kind, error.as_bytes(), &provider.rules, worker.now());
            match judged {
                Some(judged) if judged.next != Next::Use => {
                    Ok(Tried::Failed(Failure::answered(judged, head.status.as_u16())))
                }
                Some(judged) if course.falls_back(judged.trouble) => {
                    Ok(Tried::Failed(Failure::refused(judged, head, *begun)))
                }
                _ => Ok(Tried::Answered(Box::new((head, *begun)))),
            }
        }
        begun => Ok(Tried::Answered(Box::new((head, begun)))),
    }
}
