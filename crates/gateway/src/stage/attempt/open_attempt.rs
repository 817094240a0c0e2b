//! An attempt whose ledger row is open. Whatever becomes of it, the row is written exactly once.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use keyward_dialect::bound::Bound;
use keyward_domain::cost::{ChargeContext, charge};
use keyward_domain::ids::{ProviderId, RequestId};
use keyward_domain::judgement::Judgement;
use keyward_domain::ledger::AttemptOutcome;
use keyward_domain::money::Nanodollars;
use keyward_domain::quota::Quota;
use keyward_domain::standing::Cause;
use keyward_domain::usage::{Usage, UsageSource};
use keyward_pool::{Claim, Moment, Outcome};

use super::spending::Spending;
use crate::idempotency::Turn;
use crate::ledger::{Ledger, Reservation, Spent};
use crate::snapshot::Deployment;
use crate::stage::read::Asked;
use crate::worker::Worker;

/// Where nothing better is known, a token is taken to be four bytes.
pub(crate) const BYTES_PER_TOKEN: u64 = 4;
/// Where nothing better is known, a second of audio is taken to be 16,000 bytes: 128 kbit/s.
const AUDIO_BYTES_PER_MS: u64 = 16;

/// An attempt that is about to be sent, or was. When it ends, its row is written and the pool learns of it.
pub(crate) struct OpenAttempt {
    reservation: Reservation,
    /// The key that it holds; `None` without a key, and once the pool knows.
    claim: Option<Claim>,
    request: RequestId,
    pub(crate) target: Arc<Deployment>,
    pub(crate) asked: Asked,
    /// When the call arrived.
    pub(crate) arrived: Duration,
    /// How long it has waited in line since: neither the provider's time nor ours.
    pub(crate) waited: Duration,
    /// When the attempt was sent; before that, when the call arrived.
    pub(crate) sent: Duration,
    /// Whether the provider may have been reached.
    is_sent: bool,
    /// The provider's status; 0 before it answered.
    pub(crate) status: u16,
    /// Bytes of the request, for estimates.
    pub(crate) request_bytes: u64,
    /// Whether the operation costs nothing by nature.
    pub(crate) is_free: bool,
    spending: Spending,
    /// The call's `Idempotency-Key`.
    turn: Option<Turn>,
    /// Let go of after everything else.
    _key: FreedKey,
}

/// Says that a key of a provider is free again, once that is so.
pub(super) struct FreedKey {
    worker: Rc<Worker>,
    provider: ProviderId,
}

/// What an attempt is about, for its row.
pub(super) struct Request {
    pub(super) id: RequestId,
    pub(super) asked: Asked,
    pub(super) arrived: Duration,
    pub(super) waited: Duration,
    pub(super) bytes: u64,
    pub(super) is_free: bool,
    pub(super) spending: Spending,
    pub(super) turn: Option<Turn>,
    pub(super) key: FreedKey,
}

impl OpenAttempt {
    /// An attempt that nothing was sent of yet.
    pub(super) fn new(
        reservation: Reservation,
        target: Arc<Deployment>,
        claim: Option<Claim>,
        of: Request,
    ) -> Box<Self> {
        let Request { id: request, asked, arrived, waited, bytes, is_free, spending, turn, key } = of;
        Box::new(Self {
            reservation,
            claim,
            request,
            target,
            asked,
            arrived,
            waited,
            sent: arrived,
            is_sent: false,
            status: 0,
            request_bytes: bytes,
            is_free,
            spending,
            turn,
            _key: key,
        })
    }

    /// From here on the provider may have been reached: an early end is charged as an estimate.
    pub(super) fn mark_sent(&mut self, now: Duration) {
        (self.sent, self.is_sent) = (now, true);
        self.spending.mark_sent();
    }

    /// Whether more has to be held before more of the answer is let through.
    pub(crate) const fn is_sliced(&self) -> bool {
        self.spending.is_sliced()
    }

    /// Answers that were asked for.
    pub(crate) fn candidates(&self) -> u32 {
        self.spending.candidates()
    }

    /// Whether what was seen of the answer is covered; holds more in time.
    pub(crate) fn covers(&mut self, content_bytes: u64) -> bool {
        self.spending.covers(content_bytes)
    }

    /// What the prompt alone comes to, when the provider does not say.
    pub(crate) fn prompt_estimate(&self) -> Usage {
        prompt_estimate(self.request_bytes, &self.asked)
    }

    /// What the answer's head says of the provider's limits.
    pub(super) fn learn(&self, quota: &Quota, worker: &Worker) {
        if let Some(claim) = self.claim.as_ref().filter(|_| !quota.is_empty()) {
            claim.quota(quota, worker.moment());
        }
    }

    /// The answer names what the key's account now holds: calls that refer to it have to come back there.
    pub(crate) fn bind(&self, bound: &Bound, worker: &Worker) {
        if let (Some(subject), Some(claim)) = (self.reservation.subject(), &self.claim) {
            worker.shared.bindings.learn(subject.tenant, claim, bound, worker.now());
        }
    }

    /// The first content came: the key works.
    pub(crate) fn first_content(&mut self, now: Duration, worker: &Worker) {
        let (cause, after) = (self.cause(), now.saturating_sub(self.sent));
        if let Some(claim) = &mut self.claim {
            claim.first_content(after, &cause, Moment::new(worker.now(), now));
        }
    }

    /// An attempt that did not serve and that the provider charges nothing for.
    pub(crate) fn failed(self: Box<Self>, worker: &Worker, outcome: AttemptOutcome, judged: &Judgement) -> Rc<Ledger> {
        let duration = worker.monotonic().saturating_sub(self.sent);
        let spent = Spent::nothing(outcome, self.status, duration);
        self.settle(spent, Some(judged), worker)
    }

    /// An attempt of which nothing was seen but which may be billed: the prompt, as an estimate.
    pub(crate) fn cut(
        self: Box<Self>,
        worker: &Worker,
        outcome: AttemptOutcome,
        judged: Option<&Judgement>,
    ) -> Rc<Ledger> {
        let duration = worker.monotonic().saturating_sub(self.sent);
        let spent = Spent { status: self.status, duration, ..self.prompt(outcome) };
        self.settle(spent, judged, worker)
    }

    /// Writes the ledger row and tells the pool. `judged` says what the end means when it was not a good one.
    pub(crate) fn settle(mut self: Box<Self>, spent: Spent, judged: Option<&Judgement>, worker: &Worker) -> Rc<Ledger> {
        let cause = self.cause();
        if judged.is_some_and(|judged| !judged.known) {
            worker.shared.metrics.unknown_answer(&self.target.provider.name);
        }
        let moment = worker.moment();
        if let Some(claim) = self.claim.take() {
            claim.report(&outcome(&spent, judged, cause), moment);
        }
        if spent.outcome == AttemptOutcome::Completed {
            worker.shared.retries.deposit(moment);
        }
        self.spending.settle(&spent.usage, spent.cost);
        self.mark_made(&spent);
        self.reservation.settle(spent)
    }

    fn mark_made(&self, spent: &Spent) {
        if let Some(turn) = &self.turn {
            turn.settled(spent.outcome, spent.cost);
        }
    }

    const fn cause(&self) -> Cause {
        Cause::Answer { request: self.request, status: self.status }
    }

    /// The prompt of an attempt whose answer was never seen.
    fn prompt(&self, outcome: AttemptOutcome) -> Spent {
        let nothing = Spent::nothing(outcome, 0, Duration::ZERO);
        if self.is_free {
            return nothing;
        }
        let usage = self.prompt_estimate();
        let cost = charge(&self.target.pricing, &usage, &ChargeContext::default());
        Spent { usage, cost, source: UsageSource::Estimated, ..nothing }
    }
}

/// Dropped without being settled: the client went away before the provider's answer began, or a task was cancelled.
/// What was sent may be billed, so its prompt is charged, marked as an estimate.
impl Drop for OpenAttempt {
    fn drop(&mut self) {
        if self.is_sent && self.reservation.is_open() {
            let spent = self.prompt(AttemptOutcome::ClientGone);
            if let Some(claim) = self.claim.take() {
                claim.abandon(tokens(&spent), spent.cost.unwrap_or(Nanodollars::ZERO));
            }
            self.spending.settle(&spent.usage, spent.cost);
            self.mark_made(&spent);
            drop(self.reservation.settle(spent));
        }
    }
}

impl FreedKey {
    pub(super) fn of(worker: &Rc<Worker>, provider: ProviderId) -> Self {
        Self { worker: Rc::clone(worker), provider }
    }
}

impl Drop for FreedKey {
    fn drop(&mut self) {
        let line = &self.worker.shared.line;
        if !line.is_empty() {
            line.freed_key(self.provider, self.worker.monotonic());
        }
    }
}

fn tokens(spent: &Spent) -> u64 {
    spent.usage.prompt_tokens().saturating_add(spent.usage.completion_tokens())
}

/// What the pool is told.
fn outcome<'a>(spent: &Spent, judged: Option<&'a Judgement>, cause: Cause) -> Outcome<'a> {
    let tokens = tokens(spent);
    let cost = spent.cost.unwrap_or(Nanodollars::ZERO);
    match (judged, spent.outcome) {
        (Some(judgement), _) => Outcome::Failed { judgement, cause, tokens, cost },
        (None, AttemptOutcome::Completed) => {
            let first_content = Some(spent.first_content.unwrap_or(spent.duration));
            Outcome::Succeeded { first_content, tokens, cost, cause }
        }
        (None, AttemptOutcome::NotSent) => Outcome::Neutral,
        (None, _) => Outcome::Abandoned { tokens, cost },
    }
}

/// What a prompt comes to by its size. Of an upload nobody knows how many tokens are in it; audio is taken by its length.
fn prompt_estimate(request_bytes: u64, asked: &Asked) -> Usage {
    match (asked.upload_bytes, asked.characters) {
        (Some(bytes), _) => Usage { input_audio_ms: bytes.div_ceil(AUDIO_BYTES_PER_MS), ..Usage::default() },
        (None, Some(input_characters)) => Usage { input_characters, ..Usage::default() },
        (None, None) => Usage { input_uncached: request_bytes.div_ceil(BYTES_PER_TOKEN), ..Usage::default() },
    }
}
