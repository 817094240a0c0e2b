//! One counter: pure arithmetic on microseconds of monotonic time.

mod bucket;
mod places;
mod window;

use std::time::Duration;

use keyward_domain::limit::{Limit, LimitPeriod, Meter};
use keyward_domain::port::{Ask, Level};

use bucket::Bucket;
use places::Places;
use window::Window;

/// What sort of counter a limit needs. Part of the key: a limit that is changed to another sort begins anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Shape {
    /// Calls in flight.
    Places,
    /// At most the quota in any stretch of a period.
    Window(Meter, LimitPeriod),
    /// The quota evenly spread, and a burst.
    Bucket(Meter, LimitPeriod),
}

/// How much is in use of one limit by one scope.
#[derive(Debug)]
pub(super) enum Counter {
    Places(Places),
    Window(Window),
    Bucket(Bucket),
}

/// Microseconds of monotonic time.
pub(super) type Micros = u64;

impl Shape {
    /// A limit on what passes that names no period is read as one per day: the strictest reading.
    pub(super) fn of(limit: &Limit) -> Self {
        let period = limit.period.unwrap_or(LimitPeriod::Day);
        match limit.meter {
            Meter::Concurrency => Self::Places,
            meter if limit.burst.is_some() => Self::Bucket(meter, period),
            meter => Self::Window(meter, period),
        }
    }
}

impl Counter {
    /// Nothing in use.
    pub(super) fn new(shape: Shape) -> Self {
        match shape {
            Shape::Places => Self::Places(Places::default()),
            Shape::Window(_, period) => Self::Window(Window::new(micros(period.length()))),
            Shape::Bucket(_, period) => Self::Bucket(Bucket::new(micros(period.length()))),
        }
    }

    /// Whether the ask has room now, or else when it has. Asks that exceed the limit are not for here.
    pub(super) fn room(&mut self, ask: &Ask, now: Micros) -> Result<(), Duration> {
        match self {
            Self::Places(places) => places.room(ask.amount, ask.limit.quota),
            Self::Window(window) => window.room(ask.amount, ask.limit.quota, now),
            Self::Bucket(bucket) => bucket.room(ask.amount, ask.limit.quota, ask.most(), now),
        }
    }

    /// Counts an amount and says where it was noted.
    pub(super) fn charge(&mut self, amount: u64, now: Micros) -> u64 {
        match self {
            Self::Places(places) => places.charge(amount),
            Self::Window(window) => window.charge(amount, now),
            Self::Bucket(bucket) => bucket.charge(amount),
        }
    }

    /// Counts what is owed beyond what was expected, whatever room there is; after [`pass`](Self::pass).
    pub(super) fn owe(&mut self, amount: u64, limit: &Limit, now: Micros) {
        match self {
            Self::Bucket(bucket) => bucket.owe(amount, limit.burst.unwrap_or(limit.quota)),
            other => _ = other.charge(amount, now),
        }
    }

    /// Takes back what was noted there, as far as it still counts.
    pub(super) fn give_back(&mut self, amount: u64, noted: u64) {
        match self {
            Self::Places(places) => places.give_back(amount),
            Self::Window(window) => window.give_back(amount, noted),
            Self::Bucket(bucket) => bucket.give_back(amount),
        }
    }

    /// Lets time pass.
    pub(super) fn pass(&mut self, limit: &Limit, now: Micros) {
        match self {
            Self::Places(_) => {}
            Self::Window(window) => window.pass(now),
            Self::Bucket(bucket) => bucket.pass(limit.quota, now),
        }
    }

    /// Where it stands; after [`pass`](Self::pass).
    pub(super) fn level(&self, limit: &Limit, now: Micros) -> Level {
        match self {
            Self::Places(places) => places.level(limit.quota),
            Self::Window(window) => window.level(limit.quota, now),
            Self::Bucket(bucket) => bucket.level(limit.burst.unwrap_or(limit.quota)),
        }
    }

    /// Whether nothing is in use, so that it can be forgotten.
    pub(super) fn is_idle(&mut self, now: Micros) -> bool {
        match self {
            Self::Places(places) => places.is_idle(),
            Self::Window(window) => window.is_idle(now),
            Self::Bucket(bucket) => bucket.is_idle(now),
        }
    }
}

/// Whole microseconds; stops at the most that 64 bits hold, half a million years.
pub(super) fn micros(length: Duration) -> Micros {
    u64::try_from(length.as_micros()).unwrap_or(u64::MAX)
}

/// Stops at the most that 64 bits hold.
fn capped(amount: u128) -> u64 {
    u64::try_from(amount).unwrap_or(u64::MAX)
}
