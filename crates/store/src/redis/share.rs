//! This node's share: what it lets pass when the counters of all nodes cannot be asked.
//!
//! The share is the quota divided by the number of nodes, evenly spread, one call at once: it begins with no burst, so
//! that nodes that are cut off together let no more than the quota and one call each pass in any stretch of a period.
//! What was last heard of a counter is counted as already used.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use foldhash::fast::RandomState;
use keyward_domain::budget::Mode;
use keyward_domain::denial::LimitReached;
use keyward_domain::ids::LimitId;
use keyward_domain::ledger::AttemptId;
use keyward_domain::limit::{Limit, OnLoss};
use keyward_domain::port::{Amounts, Answer, Ask, Counters, Level, Mark, Part, Refusal, Taken};
use keyward_domain::scope::Scope;

use super::core::Core;
use super::limits;

/// A limit that is closed while counters are away, or a node whose places are all in use: try again then.
const RETRY: Duration = Duration::from_secs(1);

/// The most counters whose last level is remembered.
const MAX_HEARD: usize = 65_536;

/// What this node lets pass on its own.
pub(super) struct Share {
    counters: Arc<dyn Counters>,
    nodes: AtomicU32,
    heard: Mutex<HashMap<(LimitId, Scope), Heard, RandomState>>,
}

/// How much of a counter was in use, and when that was heard.
#[derive(Debug, Clone, Copy)]
struct Heard {
    used: u64,
    at: Duration,
}

impl Share {
    pub(super) fn new(counters: Arc<dyn Counters>, nodes: u32) -> Self {
        Self { counters, nodes: AtomicU32::new(nodes.max(1)), heard: Mutex::default() }
    }

    pub(super) fn set_nodes(&self, nodes: u32) {
        self.nodes.store(nodes.max(1), Relaxed);
    }

    /// Remembers where shared counters stand.
    pub(super) fn hear(&self, parts: &[Part], now: Duration) {
        let windows = parts.iter().filter(|part| !limits::is_places(&part.ask.limit));
        self.with(|heard| {
            for part in windows {
                let key = (part.ask.limit.id, part.ask.scope.clone());
                if heard.len() < MAX_HEARD || heard.contains_key(&key) {
                    heard.insert(key, Heard { used: part.level.used, at: now });
                }
            }
        });
    }

    /// Decides without the server, as each limit says.
    pub(super) fn take(
        &self,
        core: &Arc<Core>,
        asks: Vec<Ask>,
        call: u64,
        id: AttemptId,
        now: Duration,
    ) -> Answer<Result<Vec<Part>, Refusal>> {
        let closed = |ask: &&Ask| ask.limit.on_loss == OnLoss::Closed && ask.limit.mode == Mode::Enforce;
        if let Some(ask) = asks.iter().find(closed) {
            return Answer::ready(Err(Refusal::Away(ask.reached(RETRY))));
        }
        let mut seats = Seats { core: Arc::clone(core), call, parts: Vec::new() };
        let (mut own, mut counted, mut uncounted) = (Vec::new(), Vec::new(), Vec::new());
        for ask in asks {
            if ask.limit.on_loss != OnLoss::LocalShare || ask.exceeds() {
                let would_refuse = ask.exceeds();
                uncounted.push(uncounted_part(ask, would_refuse));
            } else if !limits::is_places(&ask.limit) {
                self.owe_what_was_heard(&ask, id, now);
                own.push(self.of(&ask));
                counted.push(ask);
            } else if let Err(ask) = seats.take(ask, |quota| self.quota(quota)) {
                if ask.limit.mode == Mode::Enforce {
                    return Answer::ready(Err(Refusal::Reached(ask.reached(RETRY))));
                }
                uncounted.push(uncounted_part(ask, true));
            }
        }
        self.counters.take(own, id, now).map(move |taken| match taken {
            Ok(taken) => Ok(whole(taken, &counted).chain(seats.keep()).chain(uncounted).collect()),
            Err(refusal) => Err(of_the_limit(refusal, &counted)),
        })
    }

    /// Counts in the share besides, but no places; nothing is said of it but whether there is room.
    pub(super) fn also(&self, asks: &[Ask], id: AttemptId, now: Duration) -> Answer<Result<(), Refusal>> {
        let own: Vec<Ask> = asks.iter().map(|ask| self.of(ask)).collect();
        for ask in asks {
            self.owe_what_was_heard(ask, id, now);
        }
        let asks = asks.to_vec();
        self.counters.take(own, id, now).map(move |taken| match taken {
            // Left as counted: it was sent, and what it really used is settled where all nodes count.
            Ok(_) => Ok(()),
            Err(refusal) => Err(of_the_limit(refusal, &asks)),
        })
    }

    /// Settles what this node counted on its own.
    pub(super) fn settle(&self, id: AttemptId, parts: Vec<Part>, used: Amounts, now: Duration) {
        self.counters.settle(self.own(id, parts), used, now);
    }

    /// Undoes what this node counted on its own.
    pub(super) fn undo(&self, id: AttemptId, parts: Vec<Part>, now: Duration) {
        self.counters.undo(self.own(id, parts), now);
    }

    /// Where this node's share stands.
    pub(super) fn view(&self, core: &Core, limit: &Arc<Limit>, scope: &Scope, now: Duration) -> Answer<Level> {
        if limits::is_places(limit) {
            return Answer::ready(places_level(core.places.count(&limits::key(limit, scope)), self.quota(limit.quota)));
        }
        let ask = Ask { limit: Arc::clone(limit), scope: scope.clone(), amount: 0 };
        self.counters.view(&self.of(&ask).limit, scope, now)
    }

    /// This node's part of a quota.
    fn quota(&self, quota: u64) -> u64 {
        if quota == 0 { 0 } else { (quota / u64::from(self.nodes.load(Relaxed))).max(1) }
    }

    /// The share of an ask: with a burst of just this call it passes when nothing is owed, and is owed then.
    fn of(&self, ask: &Ask) -> Ask {
        let limit = &*ask.limit;
        let limit = Limit { quota: self.quota(limit.quota), burst: Some(ask.amount.max(1)), ..limit.clone() };
        Ask { limit: Arc::new(limit), ..ask.clone() }
    }

    fn own(&self, id: AttemptId, parts: Vec<Part>) -> Taken {
        let own = |part: Part| Part { ask: self.of(&part.ask), ..part };
        Taken { id, parts: parts.into_iter().map(own).collect() }
    }

    /// This node's part of what was last heard is owed, as far as it has not flowed off since.
    fn owe_what_was_heard(&self, ask: &Ask, id: AttemptId, now: Duration) {
        let key = (ask.limit.id, ask.scope.clone());
        let Some(Heard { used, at }) = self.with(|heard| heard.remove(&key)) else { return };
        let period = limits::period(&ask.limit).length();
        let left = period.saturating_sub(now.saturating_sub(at)).as_millis();
        // Rounded up: what is left of the period is what is left of the amount.
        let part = u128::from(used.min(ask.limit.quota)).div_ceil(u128::from(self.nodes.load(Relaxed)));
        let owed = u64::try_from((part * left).div_ceil(period.as_millis().max(1))).unwrap_or(u64::MAX);
        if owed > 0 {
            let limit = Limit { mode: Mode::Enforce, ..(*ask.limit).clone() };
            let debt = self.of(&Ask { limit: Arc::new(limit), scope: ask.scope.clone(), amount: owed });
            // Left as counted: it flows off. When something is owed already, it was not the first call.
            drop(self.counters.take(vec![debt], id, now));
        }
    }

    fn with<R>(&self, act: impl FnOnce(&mut HashMap<(LimitId, Scope), Heard, RandomState>) -> R) -> R {
        act(&mut self.heard.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Places that a call takes without the server. They are told to it when it is back, and freed here when the call does
/// not get them.
struct Seats {
    core: Arc<Core>,
    call: u64,
    parts: Vec<Part>,
}

impl Seats {
    /// Takes a place when there is one, together with those that calls hold at the server.
    fn take(&mut self, ask: Ask, share: impl Fn(u64) -> u64) -> Result<(), Ask> {
        let (key, quota) = (limits::key(&ask.limit, &ask.scope), share(ask.limit.quota));
        let Some(used) = self.core.places.hold_below(key, self.call, quota) else { return Err(ask) };
        let (mark, level) = (Mark::Here(self.call), places_level(used, quota));
        self.parts.push(Part { ask, mark, level, would_refuse: false });
        Ok(())
    }

    /// The call has them.
    fn keep(mut self) -> Vec<Part> {
        std::mem::take(&mut self.parts)
    }
}

impl Drop for Seats {
    fn drop(&mut self) {
        for part in &self.parts {
            self.core.places.release(&limits::key(&part.ask.limit, &part.ask.scope), self.call);
        }
    }
}

fn places_level(used: u64, quota: u64) -> Level {
    Level { used, remaining: quota.saturating_sub(used), reset: Duration::ZERO }
}

/// The parts, each with the limit itself instead of this node's share of it.
fn whole(taken: Taken, asks: &[Ask]) -> impl Iterator<Item = Part> {
    taken.parts.into_iter().map(|part| {
        let same = |ask: &&Ask| ask.limit.id == part.ask.limit.id && ask.scope == part.ask.scope;
        let ask = asks.iter().find(same).unwrap_or(&part.ask).clone();
        Part { ask, ..part }
    })
}

/// A limit that does not count without the server.
fn uncounted_part(ask: Ask, would_refuse: bool) -> Part {
    let level = Level { used: 0, remaining: ask.most(), reset: Duration::ZERO };
    Part { ask, mark: Mark::Nowhere, level, would_refuse }
}

/// People know the limit, not this node's share of it.
fn of_the_limit(refusal: Refusal, asks: &[Ask]) -> Refusal {
    let named = |reached: Box<LimitReached>| {
        let same = |ask: &&Ask| {
            ask.scope == reached.scope && ask.limit.meter == reached.meter && ask.limit.period == reached.period
        };
        let quota = asks.iter().find(same).map_or(reached.quota, |ask| ask.limit.quota);
        Box::new(LimitReached { quota, ..*reached })
    };
    match refusal {
        Refusal::Reached(reached) => Refusal::Reached(named(reached)),
        Refusal::Exceeds(reached) => Refusal::Exceeds(named(reached)),
        Refusal::Away(reached) => Refusal::Away(named(reached)),
    }
}
