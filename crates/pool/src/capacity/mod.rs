//! How many calls an upstream takes at once: any number, until it shows that they are too many; then as many as it takes.
//!
//! **What shows it.** An answer that says "overloaded" (503, 529, a 429 that blames no key and no account), and no
//! connection or no first content in time. A key's own 429 says nothing about the upstream: the key rests, and others may
//! serve. A plain failure (500, a connection that breaks) says nothing about how many are too many; circuits count it.
//!
//! **Whose it is.** There is one such number for every provider and one for every model at a provider, whatever the key,
//! and a sign counts for the one that the answer blames, as it does in the circuits. Not one per key and model: what is
//! full is a server or a model's share of it, and all keys lead there. Each key would have to find out for itself, a pool
//! of fifty keys would go on sending fifty times as many, and no key would see enough calls to learn anything. What belongs
//! to a key is known already: its place limit, its headroom, its rest.
//!
//! **The law** ([`Learned`]) is additive increase, multiplicative decrease (Chiu and Jain, "Analysis of the increase and
//! decrease algorithms for congestion avoidance in computer networks", 1989), with TCP's rule that one round trip is one
//! piece of news (RFC 5681) and that a limit nobody reaches does not grow (RFC 7661). The factor 0.9 and "at least half of
//! it is used" are those of Netflix's `concurrency-limits` (`AIMDLimit`).
//!
//! **What it costs.** While nothing is learned, which is nearly always, an attempt pays for the provider and for its model
//! each a relaxed load and a relaxed addition to begin, a subtraction to end, and a load where it succeeded. Only where
//! something is being learned does the end of a call take a lock, for the time of a few additions.

mod learned;

use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::moment::{Moment, millis};
use learned::{Learned, News, Sign};

/// Stands for any number of calls.
const ANY: u32 = u32::MAX;
/// A limit that neither held a call back nor met a sign for so long is forgotten: it may be about a bad moment that is
/// long over, and the next surge is not to pay for it. Longer than the longest rest of a circuit.
const FORGOTTEN_AFTER: Duration = Duration::from_mins(2);

/// How many calls are under way at one upstream, and how many may be.
#[derive(Debug)]
pub(crate) struct Capacity {
    in_flight: AtomicU32,
    /// As many may be under way now: what was learned, or else `most`.
    limit: AtomicU32,
    /// As many as the operator allows.
    most: AtomicU32,
    /// The ends of calls count: something is being learned.
    learns: AtomicBool,
    /// Monotonic time in milliseconds at which the limit held a call back or met a sign.
    felt: AtomicU64,
    learned: Mutex<Learned>,
}

impl Default for Capacity {
    fn default() -> Self {
        Self {
            in_flight: AtomicU32::new(0),
            limit: AtomicU32::new(ANY),
            most: AtomicU32::new(ANY),
            learns: AtomicBool::new(false),
            felt: AtomicU64::new(0),
            learned: Mutex::default(),
        }
    }
}

impl Capacity {
    /// Takes a place; `false` when all are taken.
    ///
    /// INVARIANT: never more are under way than the limit was at the moment of any entry
    /// (`l05_never_more_than_the_ceiling_whatever_threads_do`).
    pub(crate) fn enter(&self, now: Moment) -> bool {
        let limit = self.limit.load(Relaxed);
        if limit == ANY {
            self.in_flight.fetch_add(1, Relaxed);
            return true;
        }
        let limit = self.unless_forgotten(limit, now);
        let has_entered = self.in_flight.fetch_update(Relaxed, Relaxed, |taken| (taken < limit).then_some(taken + 1));
        if has_entered.is_err() {
            self.felt.store(now.monotonic_ms(), Relaxed);
        }
        has_entered.is_ok()
    }

    /// Gives back a place that [`enter`](Self::enter) took.
    pub(crate) fn leave(&self) {
        self.in_flight.fetch_sub(1, Relaxed);
    }

    /// Calls under way.
    pub(crate) fn in_flight(&self) -> u32 {
        self.in_flight.load(Relaxed)
    }

    /// How many may be under way; `None` for any number.
    pub(crate) fn limit(&self, now: Moment) -> Option<u32> {
        let limit = self.unless_forgotten(self.limit.load(Relaxed), now);
        (limit != ANY).then_some(limit)
    }

    /// Whether all places are taken.
    pub(crate) fn is_full(&self, now: Moment) -> bool {
        self.limit(now).is_some_and(|limit| self.in_flight() >= limit)
    }

    /// A call that began then was told, or had to find out, that there are too many. Returns whether the limit answers for
    /// that: a circuit does not count it then, or else every step too far would end with a rest.
    pub(crate) fn overloaded(&self, began: Moment, now: Moment) -> bool {
        let mut learned = self.learned_by(now);
        let sign = Sign { in_flight: self.in_flight(), began: began.monotonic_ms(), now: now.monotonic_ms() };
        let news = learned.overloaded(sign);
        if news != News::Old {
            self.felt.store(now.monotonic_ms(), Relaxed);
        }
        self.put(&learned);
        news == News::Answered
    }

    /// A call that began then succeeded; it still has its place.
    pub(crate) fn succeeded(&self, began: Moment, now: Moment) {
        if !self.learns.load(Relaxed) {
            return;
        }
        let mut learned = self.learned_by(now);
        learned.succeeded(began.monotonic_ms(), self.in_flight(), self.most.load(Relaxed));
        self.put(&learned);
    }

    /// The operator allows so many; `None` for any number.
    pub(crate) fn allow(&self, most: Option<u32>) {
        let learned = self.lock();
        self.most.store(most.unwrap_or(ANY), Relaxed);
        self.put(&learned);
    }

    /// Nothing was learned.
    pub(crate) fn clear(&self) {
        let mut learned = self.lock();
        *learned = Learned::default();
        self.put(&learned);
    }

    /// What was learned, unless that is too long ago.
    fn learned_by(&self, now: Moment) -> MutexGuard<'_, Learned> {
        let mut learned = self.lock();
        if learned.limit().is_some() && self.is_forgotten(now) {
            learned.forget();
        }
        learned
    }

    fn put(&self, learned: &Learned) {
        let most = self.most.load(Relaxed);
        self.limit.store(learned.limit().map_or(most, |limit| limit.min(most)), Relaxed);
        self.learns.store(learned.is_learning(), Relaxed);
    }

    fn unless_forgotten(&self, limit: u32, now: Moment) -> u32 {
        let most = self.most.load(Relaxed);
        if limit < most && self.is_forgotten(now) { most } else { limit }
    }

    fn is_forgotten(&self, now: Moment) -> bool {
        now.monotonic_ms().saturating_sub(self.felt.load(Relaxed)) > millis(FORGOTTEN_AFTER)
    }

    fn lock(&self) -> MutexGuard<'_, Learned> {
        self.learned.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
