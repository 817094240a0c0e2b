use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::denial::{Denial, LimitReached};
use crate::ledger::AttemptId;
use crate::limit::{Limit, Meter};
use crate::scope::Scope;

/// The counters of limits, in this process or shared by several nodes.
///
/// - **Atomic**: [`take`](Self::take) looks at every limit first and counts then, or counts nothing.
/// - **Repeated**: what was taken is settled or undone once, because both consume it; a backend that sends over a network
///   makes sure that nothing is counted twice.
/// - **Failing**: no question fails. A backend that loses its store goes on as each limit's
///   [`OnLoss`](crate::limit::OnLoss) says.
///
/// `now` is [`Clock::monotonic`](super::Clock::monotonic): setting the wall clock frees nothing.
pub trait Counters: Send + Sync {
    /// Counts a call in every limit, or says which one has no room. A refused call changes no counter.
    ///
    /// `id` names the call in shared counters; its number tells apart what one call takes at different times: 0 for the
    /// limits of who asks, the attempt's number for those of who serves.
    ///
    /// An answer that is dropped before it is there takes nothing.
    fn take(&self, asks: Vec<Ask>, id: AttemptId, now: Duration) -> Answer<Result<Taken, Refusal>>;

    /// The call is over: replaces the expected tokens by those really used and frees its places. What was used beyond the
    /// expectation is counted now, whatever room there is, and pushes later calls back. Never waits.
    fn settle(&self, taken: Taken, used: Amounts, now: Duration);

    /// The call was never sent: everything is given back. Never waits.
    fn undo(&self, taken: Taken, now: Duration);

    /// Where the counter of a scope stands, for lists.
    fn view(&self, limit: &Arc<Limit>, scope: &Scope, now: Duration) -> Answer<Level>;
}

/// One limit that a call is counted in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// The limit. It and the scope are the counter's key.
    pub limit: Arc<Limit>,
    /// The scope that the call touches: the limit's own, or one of the kind that it is set on.
    pub scope: Scope,
    /// How much of the limit's meter: 1 for calls, the expected number for tokens.
    pub amount: u64,
}

/// Tokens that a call is expected to use, or has used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Amounts {
    /// Tokens of the prompt.
    pub input_tokens: u64,
    /// Tokens of the answer.
    pub output_tokens: u64,
}

/// A call that is counted. Whoever has it must settle or undo it.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "what was taken must be settled or undone"]
pub struct Taken {
    /// The call.
    pub id: AttemptId,
    /// Each limit that it was asked for.
    pub parts: Vec<Part>,
}

/// What was counted in one limit.
#[derive(Debug, PartialEq, Eq)]
pub struct Part {
    /// What was asked.
    pub ask: Ask,
    /// Where it was noted; only the backend that made it understands it.
    pub mark: Mark,
    /// Where the counter stands with this call in it.
    pub level: Level,
    /// An observing limit would have refused the call. It was not counted there, as it would not have been.
    pub would_refuse: bool,
}

/// Where a backend noted an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// It was not counted.
    Nowhere,
    /// In the counters of this process.
    Here(u64),
    /// In the counters that several nodes share.
    Shared {
        /// Where in the counter.
        noted: u64,
        /// Which of this node's calls; no two have the same.
        call: u64,
    },
}

/// Where a counter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Level {
    /// How much is in use; calls that used more than expected may bring it above the quota.
    pub used: u64,
    /// How much may be taken at once now.
    pub remaining: u64,
    /// When everything is free again if nothing more comes; zero for what is in flight.
    pub reset: Duration,
}

/// Why a call was not counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// There is no room now; there is after the time it says, if nothing else comes.
    Reached(Box<LimitReached>),
    /// There is never room for so much at once.
    Exceeds(Box<LimitReached>),
    /// The counters cannot be asked, and the limit lets nothing pass without them. Nobody waits in line for that.
    Away(Box<LimitReached>),
}

/// The limit that is closest to refusing, as `RateLimit` headers tell it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tightest<'a> {
    /// The limit.
    pub limit: &'a Limit,
    /// On what.
    pub scope: &'a Scope,
    /// How much may be taken at once now.
    pub remaining: u64,
    /// When everything is free again.
    pub reset: Duration,
}

/// What a backend answers: at once, or when somebody else has answered it.
pub enum Answer<T> {
    /// It is there. `None` once it was taken out.
    Ready(Option<T>),
    /// It comes.
    Later(Pin<Box<dyn Future<Output = T> + Send>>),
}

impl Ask {
    /// Asks a limit for what a call of these amounts needs.
    pub fn new(limit: Arc<Limit>, scope: Scope, amounts: Amounts) -> Self {
        let amount = amounts.of(limit.meter);
        Self { limit, scope, amount }
    }

    /// The most that the limit ever has room for at once: its burst when it has one, nothing when its quota is 0.
    pub fn most(&self) -> u64 {
        if self.limit.quota == 0 { 0 } else { self.limit.burst.unwrap_or(self.limit.quota) }
    }

    /// Whether there is never room for it.
    pub fn exceeds(&self) -> bool {
        self.most() == 0 || self.amount > self.most()
    }

    /// Says that this limit refused, and when it has room.
    pub fn reached(&self, retry_after: Duration) -> Box<LimitReached> {
        let Limit { id: limit, meter, quota, period, .. } = *self.limit;
        let (scope, called) = (self.scope.clone(), None);
        Box::new(LimitReached { limit, scope, called, meter, quota, period, retry_after })
    }
}

impl Amounts {
    /// How much that is on this meter.
    pub const fn of(self, meter: Meter) -> u64 {
        match meter {
            Meter::Requests | Meter::Concurrency => 1,
            Meter::InputTokens => self.input_tokens,
            Meter::OutputTokens => self.output_tokens,
            Meter::Tokens => self.input_tokens.saturating_add(self.output_tokens),
        }
    }
}

impl Taken {
    /// A call that no limit applies to.
    pub const fn nothing(id: AttemptId) -> Self {
        Self { id, parts: Vec::new() }
    }

    /// Every limit that would have refused the call if it did not only observe.
    pub fn would_refuse(&self) -> impl Iterator<Item = &Ask> {
        self.parts.iter().filter(|part| part.would_refuse).map(|part| &part.ask)
    }

    /// The enforced limit with the smallest share left. What is in flight has no window, so it is left out.
    pub fn tightest(&self) -> Option<Tightest<'_>> {
        let windows = self.parts.iter().filter(|part| {
            part.ask.limit.meter != Meter::Concurrency && part.ask.limit.mode == crate::budget::Mode::Enforce
        });
        let tightest = windows.min_by(|a, b| a.share_left(b).cmp(&b.share_left(a)))?;
        Some(Tightest {
            limit: &tightest.ask.limit,
            scope: &tightest.ask.scope,
            remaining: tightest.level.remaining,
            reset: tightest.level.reset,
        })
    }
}

impl Part {
    /// Two fractions compare like their numerators times the other's denominator.
    fn share_left(&self, other: &Self) -> u128 {
        u128::from(self.level.remaining) * u128::from(other.ask.most())
    }
}

impl Tightest<'_> {
    /// What the header calls the limit: `virtual_key-requests-minute`.
    pub fn name(&self) -> String {
        let period = self.limit.period.map_or("", |period| period.as_str());
        format!("{}-{}-{period}", self.scope.kind().as_str(), self.limit.meter.as_str())
    }
}

impl From<Refusal> for Denial {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Reached(reached) => Self::RateLimited(reached),
            Refusal::Exceeds(reached) => Self::RequestExceedsLimit(reached),
            Refusal::Away(reached) => Self::LimitNotKnown(reached),
        }
    }
}

impl<T> Answer<T> {
    /// The answer, when it is there already.
    pub const fn ready(answer: T) -> Self {
        Self::Ready(Some(answer))
    }
}

impl<T: Unpin + 'static> Answer<T> {
    /// What becomes of the answer.
    pub fn map<U>(self, make: impl FnOnce(T) -> U + Send + 'static) -> Answer<U> {
        match self {
            Self::Ready(answer) => Answer::Ready(answer.map(make)),
            Self::Later(future) => Answer::Later(Box::pin(async move { make(future.await) })),
        }
    }
}

impl<T: Unpin> Future for Answer<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        match self.get_mut() {
            Self::Ready(answer) => answer.take().map_or(Poll::Pending, Poll::Ready),
            Self::Later(future) => future.as_mut().poll(context),
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Answer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready(answer) => f.debug_tuple("Ready").field(answer).finish(),
            Self::Later(_) => f.write_str("Later"),
        }
    }
}
