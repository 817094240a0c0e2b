//! Asking the server, and what happens when there is no answer.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use keyward_domain::budget::Mode;
use keyward_domain::ledger::AttemptId;
use keyward_domain::limit::Limit;
use keyward_domain::port::{Answer, Ask, Counters as _, Level, Mark, Part, Refusal, Taken};
use keyward_domain::scope::Scope;
use tokio::time::timeout;

use super::health::Why;
use super::job::{Failure, Job};
use super::plan::{Outcome, Plan, Verdict};
use super::router::Handle;
use super::{Inner, RedisCounters, limits, parts};

/// [`Counters::take`](keyward_domain::port::Counters::take).
pub(super) fn take(
    counters: &RedisCounters,
    asks: &[Ask],
    id: AttemptId,
    now: Duration,
) -> Answer<Result<Taken, Refusal>> {
    if let Some(ask) = asks.iter().find(|ask| ask.exceeds() && ask.limit.mode == Mode::Enforce) {
        return Answer::ready(Err(Refusal::Exceeds(ask.reached(Duration::ZERO))));
    }
    if asks.is_empty() {
        return Answer::ready(Ok(Taken::nothing(id)));
    }
    let inner = &counters.inner;
    let groups: Vec<Vec<Ask>> =
        inner.groups(asks, |ask| &ask.limit).into_iter().map(|group| group.into_iter().cloned().collect()).collect();
    if let [group] = groups.as_slice()
        && inner.handle(group).is_none()
    {
        let locally = inner.locally(group.clone(), id, now);
        return locally.map(move |parts| parts.map(|parts| Taken { id, parts }));
    }
    let counters = counters.clone();
    Answer::Later(Box::pin(async move {
        let mut open = Open { counters, taken: Some(Taken::nothing(id)), now };
        for group in groups {
            let parts = open.counters.inner.ask(&open.counters, group, id, now).await?;
            open.add(parts);
        }
        Ok(Taken { id, parts: open.close() })
    }))
}

/// [`Counters::view`](keyward_domain::port::Counters::view): an amount of nothing changes nothing.
pub(super) fn view(counters: &RedisCounters, limit: &Arc<Limit>, scope: &Scope, now: Duration) -> Answer<Level> {
    let observing = Arc::new(Limit { mode: Mode::Observe, ..(**limit).clone() });
    let ask = Ask { limit: observing, scope: scope.clone(), amount: 0 };
    let (counters, limit, scope) = (counters.clone(), Arc::clone(limit), scope.clone());
    Answer::Later(Box::pin(async move {
        let inner = &counters.inner;
        let answer = match inner.handle(std::slice::from_ref(&ask)) {
            Some(handle) => inner.question(&handle, vec![ask]).await.ok(),
            None => None,
        };
        match answer.map(|outcome| outcome.verdict) {
            Some(Verdict::Counted(parts)) => parts.first().map(|part| part.level).unwrap_or_default(),
            _ => inner.share.view(&inner.core, &limit, &scope, now).await,
        }
    }))
}

/// What a call has taken so far. Dropped before the call has it, it is given back.
struct Open {
    counters: RedisCounters,
    taken: Option<Taken>,
    now: Duration,
}

impl Open {
    fn add(&mut self, parts: Vec<Part>) {
        if let Some(taken) = &mut self.taken {
            taken.parts.extend(parts);
        }
    }

    /// The call has it.
    fn close(mut self) -> Vec<Part> {
        self.taken.take().map(|taken| taken.parts).unwrap_or_default()
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if let Some(taken) = self.taken.take() {
            self.counters.undo(taken, self.now);
        }
    }
}

impl Inner {
    /// Asks for limits that are on one server.
    async fn ask(
        &self,
        counters: &RedisCounters,
        asks: Vec<Ask>,
        id: AttemptId,
        now: Duration,
    ) -> Result<Vec<Part>, Refusal> {
        let Some(handle) = self.handle(&asks) else { return self.locally(asks, id, now).await };
        // What an observing limit never has room for is not asked: the script would refuse it for ever.
        let (never, asked): (Vec<Ask>, Vec<Ask>) = asks.into_iter().partition(Ask::exceeds);
        let outcome = match self.question(&handle, asked.clone()).await {
            Ok(outcome) => outcome,
            Err(failure) => {
                self.failed(&handle, &asked, failure);
                return self.locally(asked.into_iter().chain(never).collect(), id, now).await;
            }
        };
        handle.pulse.well(self.core.clock.monotonic());
        if self.core.is_cluster() {
            self.router.part_answered(&tag_of(&asked));
        }
        self.core.counts.resets.fetch_add(outcome.resets, Relaxed);
        self.see_epochs(&handle, &asked, outcome.epochs, now);
        let parts = match outcome.verdict {
            Verdict::Refused(index, wait) => {
                let Some(ask) = asked.get(index) else { return Ok(Vec::new()) };
                return Err(Refusal::Reached(ask.reached(Duration::from_micros(wait))));
            }
            Verdict::Counted(parts) => parts,
        };
        self.hold_places(&parts);
        let mut open = Open { counters: counters.clone(), taken: Some(Taken { id, parts }), now };
        self.damp(&asked, id, now).await?;
        open.add(never.into_iter().map(never_fits).collect());
        let parts = open.close();
        if !asked.iter().any(|ask| self.is_damped(ask, now)) {
            self.share.hear(&parts, now);
        }
        Ok(parts)
    }

    /// Sends a question and waits as long as an answer may take.
    async fn question(&self, handle: &Handle, asks: Vec<Ask>) -> Result<Outcome, Failure> {
        let plan = Plan { asks, call: self.next_call.fetch_add(1, Relaxed) };
        let epoch = format!("{}-{}", self.core.node, plan.call);
        let command = plan.command(&self.core.node, &epoch);
        let (job, answer) = Job::take(command, plan);
        handle.queue.try_send(job).map_err(|_| Failure::Closed)?;
        let receipt = match timeout(self.core.operation, answer).await {
            Err(_) => return Err(Failure::Timeout),
            Ok(Err(_)) => return Err(Failure::Closed),
            Ok(Ok(receipt)) => receipt?,
        };
        receipt.open().map_err(|_| Failure::Malformed)
    }

    /// Decides without the server.
    fn locally(&self, asks: Vec<Ask>, id: AttemptId, now: Duration) -> Answer<Result<Vec<Part>, Refusal>> {
        self.core.counts.local.fetch_add(1, Relaxed);
        let call = self.next_call.fetch_add(1, Relaxed);
        self.share.take(&self.core, asks, call, id, now)
    }

    fn failed(&self, handle: &Handle, asks: &[Ask], failure: Failure) {
        let is_about_a_part = match &failure {
            Failure::Elsewhere => true,
            Failure::Refused(text) => self.core.is_cluster() && parts::is_about_a_part(text),
            _ => false,
        };
        let why = match failure {
            Failure::GivenUp => return,
            Failure::Timeout => Why::Slow,
            Failure::Closed | Failure::Elsewhere => Why::Closed,
            Failure::Refused(text) => Why::Refused(text),
            Failure::Malformed => Why::Malformed,
        };
        let count = if why == Why::Slow { &self.core.counts.timeouts } else { &self.core.counts.failures };
        count.fetch_add(1, Relaxed);
        if is_about_a_part {
            return self.router.part_failed(&tag_of(asks), why);
        }
        // Who was asked may have sent the question on: who has the keys now is the one that is slow.
        let owner = self.core.is_cluster().then(|| self.router.owner(&tag_of(asks)));
        let handle = owner.as_ref().unwrap_or(handle);
        if handle.pulse.badly(self.core.clock.monotonic()) {
            self.core.give_up(&handle.pulse, why);
        }
    }

    fn see_epochs(&self, handle: &Handle, asks: &[Ask], epochs: Vec<String>, now: Duration) {
        let tags = Plan { asks: asks.to_vec(), call: 0 }.tags();
        for (tag, epoch) in tags.into_iter().zip(epochs) {
            if self.epochs.see(tag, epoch, now) {
                self.core.counts.flushes.fetch_add(1, Relaxed);
                handle.pulse.flushed.notify_one();
            }
        }
    }

    /// Counters that were lost say nothing of what was counted before: this node's share has to have room as well.
    async fn damp(&self, asks: &[Ask], id: AttemptId, now: Duration) -> Result<(), Refusal> {
        let damped: Vec<Ask> = asks.iter().filter(|ask| self.is_damped(ask, now)).cloned().collect();
        if damped.is_empty() { Ok(()) } else { self.share.also(&damped, id, now).await }
    }

    /// Places are not: calls in flight say that they are there.
    fn is_damped(&self, ask: &Ask, now: Duration) -> bool {
        let limit = &ask.limit;
        let period = limits::period(limit).length();
        !limits::is_places(limit) && self.epochs.is_damped(&limits::tag(limit), period, now)
    }

    fn hold_places(&self, parts: &[Part]) {
        for part in parts.iter().filter(|part| limits::is_places(&part.ask.limit)) {
            if let Mark::Shared { call, .. } = part.mark {
                self.core.places.hold(limits::key(&part.ask.limit, &part.ask.scope), call);
            }
        }
    }

    /// Whom to ask; nobody when nobody who can answer is there.
    fn handle(&self, asks: &[Ask]) -> Option<Handle> {
        let tag = tag_of(asks);
        let handle = (!self.router.is_resting(&tag)).then(|| self.router.to(&tag));
        handle.filter(|handle| !handle.pulse.is_given_up())
    }
}

/// What all of them have in common that are asked together.
fn tag_of(asks: &[Ask]) -> String {
    asks.first().map(|ask| limits::tag(&ask.limit)).unwrap_or_default()
}

fn never_fits(ask: Ask) -> Part {
    Part { ask, mark: Mark::Nowhere, level: Level::default(), would_refuse: true }
}
