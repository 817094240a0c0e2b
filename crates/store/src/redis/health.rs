//! Whether a server answers, as callers and operators see it.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use keyward_domain::time::Timestamp;
use tokio::sync::Notify;

use super::breaker::Breaker;

/// Whether limits are counted together with the other nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// They are.
    Healthy,
    /// Some are not: each goes on as its own rule for that says.
    Degraded {
        /// Since when.
        since: Timestamp,
        /// Why.
        why: Why,
    },
}

/// Why a server is as good as none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// It was not asked yet.
    Starting,
    /// No connection.
    Unreachable(String),
    /// It did not answer in time.
    Slow,
    /// It closed the connection.
    Closed,
    /// It answered with an error.
    Refused(String),
    /// It answered with something that is no answer.
    Malformed,
}

/// What happened since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counted {
    /// Calls whose answer did not come in time.
    pub timeouts: u64,
    /// Calls that failed in another way.
    pub failures: u64,
    /// Calls that were decided without the server.
    pub local: u64,
    /// How often the server was given up.
    pub degraded: u64,
    /// How often the server was found to have lost its counters.
    pub flushes: u64,
    /// Counters that held what nobody can have written, and were begun anew.
    pub resets: u64,
    /// Settlements that never reached the server.
    pub lost_settlements: u64,
    /// Answers that came when nobody waited for them any more, and were taken back.
    pub taken_back: u64,
}

/// [`Counted`] while it counts.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) timeouts: AtomicU64,
    pub(super) failures: AtomicU64,
    pub(super) local: AtomicU64,
    pub(super) degraded: AtomicU64,
    pub(super) flushes: AtomicU64,
    pub(super) resets: AtomicU64,
    pub(super) lost_settlements: AtomicU64,
    pub(super) taken_back: AtomicU64,
}

/// One server's health.
#[derive(Debug)]
pub(super) struct Pulse {
    /// Nobody asks it: the same as `down`, but cheap to read.
    given_up: AtomicBool,
    breaker: Mutex<Breaker>,
    down: Mutex<Option<(Timestamp, Why)>>,
    /// Calls that wait for it need not wait any longer.
    pub(super) lost: Notify,
    /// It has lost its counters: calls in flight have to say that they are there.
    pub(super) flushed: Notify,
}

impl Counts {
    pub(super) fn read(&self) -> Counted {
        Counted {
            timeouts: self.timeouts.load(Relaxed),
            failures: self.failures.load(Relaxed),
            local: self.local.load(Relaxed),
            degraded: self.degraded.load(Relaxed),
            flushes: self.flushes.load(Relaxed),
            resets: self.resets.load(Relaxed),
            lost_settlements: self.lost_settlements.load(Relaxed),
            taken_back: self.taken_back.load(Relaxed),
        }
    }
}

impl Pulse {
    /// Not asked yet.
    pub(super) fn starting(now: Timestamp) -> Self {
        Self {
            given_up: AtomicBool::new(true),
            breaker: Mutex::default(),
            down: Mutex::new(Some((now, Why::Starting))),
            lost: Notify::new(),
            flushed: Notify::new(),
        }
    }

    /// Whether nobody asks it.
    pub(super) fn is_given_up(&self) -> bool {
        self.given_up.load(Relaxed)
    }

    /// Whether it was there, or was tried, and is not there now. One that is being connected to is none of these.
    pub(super) fn is_away(&self) -> bool {
        self.is_given_up() && !matches!(&*lock(&self.down), None | Some((_, Why::Starting)))
    }

    /// Since when and why.
    pub(super) fn down(&self) -> Option<(Timestamp, Why)> {
        lock(&self.down).clone()
    }

    /// A call ended well.
    pub(super) fn well(&self, now: Duration) {
        lock(&self.breaker).well(now);
    }

    /// A call ended badly: whether that was enough to give it up.
    pub(super) fn badly(&self, now: Duration) -> bool {
        lock(&self.breaker).badly(now)
    }

    /// From now on nobody asks it. Whether somebody did until now.
    pub(super) fn give_up(&self, at: Timestamp, why: Why) -> bool {
        let mut down = lock(&self.down);
        let first = down.is_none();
        match down.as_mut() {
            // The first reason is what people want to know, but "starting" is none.
            Some((_, was)) if *was == Why::Starting => *was = why,
            Some(_) => {}
            None => *down = Some((at, why)),
        }
        self.given_up.store(true, Relaxed);
        self.lost.notify_one();
        first
    }

    /// It is asked again.
    pub(super) fn take_up(&self) {
        let mut down = lock(&self.down);
        *lock(&self.breaker) = Breaker::default();
        *down = None;
        self.given_up.store(false, Relaxed);
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Starting => f.write_str("it was not asked yet"),
            Self::Unreachable(what) => write!(f, "no connection: {what}"),
            Self::Slow => f.write_str("it does not answer in time"),
            Self::Closed => f.write_str("it closed the connection"),
            Self::Refused(what) => write!(f, "it answers: {what}"),
            Self::Malformed => f.write_str("what it answers is not the protocol of Redis"),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
