//! A circuit: closed while calls succeed, open after too many failures, half-open for one canary, closed again by a
//! success. Nobody told us how long the trouble lasts, so the rests begin short and double.

use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64};
use std::time::Duration;

use crate::chance::mix;
use crate::moment::{Moment, millis, wall_millis};
use crate::settings::Settings;

/// The window in which calls and failures are counted is this many buckets of this length: 20 to 30 s.
const BUCKETS: usize = 3;
const BUCKET_MS: u64 = 10_000;
/// Doublings of a rest, at most; the cap in the settings holds long before.
const MAX_DOUBLINGS: u32 = 16;
/// Rests are lengthened by up to this share of themselves, so that what failed together does not come back together.
const JITTER_PERCENT: u64 = 20;
/// How long a circuit must have been closed before its next rest is short again: what flaps rests longer and longer.
const FORGIVEN_AFTER: Duration = Duration::from_mins(1);

/// The state of one circuit. All methods may be called by several threads at once.
#[derive(Debug, Default)]
pub(crate) struct Circuit {
    /// Wall time in milliseconds at which the rest ends; 0 while closed.
    until: AtomicI64,
    /// Monotonic time in milliseconds at which it opened or closed last.
    changed: AtomicU64,
    /// Failed half-openings and quick relapses, for doubling.
    trips: AtomicU32,
    in_a_row: AtomicU32,
    /// Wall time until which a canary is under way, which is its stamp as well; 0 for none.
    canary: AtomicI64,
    window: [Bucket; BUCKETS],
}

/// The one call that tries whether a circuit can be closed: until when it is waited for, which tells it from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Canary(i64);

/// A call that failed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Failure {
    /// When the call began.
    pub(crate) began: Moment,
    /// One is enough: the provider asked for a rest and did not say how long.
    pub(crate) at_once: bool,
    /// Makes the jitter differ from circuit to circuit.
    pub(crate) salt: u64,
}

/// Where a circuit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Calls flow.
    Closed,
    /// No calls until this wall time in milliseconds.
    Open(i64),
    /// One canary at a time.
    HalfOpen,
}

impl Circuit {
    pub(crate) fn phase(&self, now: Moment, settings: &Settings) -> Phase {
        let until = self.until.load(Acquire);
        if until == 0 {
            return Phase::Closed;
        }
        // A rest longer than any circuit's means that the wall clock was set back: it is over.
        let longest = wall_millis(settings.open_most) * 2;
        let left = until.saturating_sub(now.wall_ms());
        if left <= 0 || left > longest { Phase::HalfOpen } else { Phase::Open(until) }
    }

    /// Wall time in milliseconds at which the rest ends that it was opened for last; 0 while closed.
    pub(crate) fn opened_until(&self) -> i64 {
        self.until.load(Acquire)
    }

    /// How long a half-open circuit waits for its canary.
    pub(crate) fn waits_since(&self, now: Moment, settings: &Settings) -> Duration {
        let waits = now.wall_ms().saturating_sub(self.until.load(Acquire));
        // A rest that ends in the future is half-open because the clock was set back: since nobody knows when.
        u64::try_from(waits).map_or(settings.open_most, Duration::from_millis)
    }

    /// Takes the one canary of a half-open circuit, if it is free.
    pub(crate) fn take_canary(&self, now: Moment, settings: &Settings) -> Option<Canary> {
        let out = self.canary.load(Acquire);
        if is_out(out, now, settings) {
            return None;
        }
        let back = now.wall.plus(settings.canary_within).unix_millis();
        self.canary.compare_exchange(out, back, AcqRel, Acquire).is_ok().then_some(Canary(back))
    }

    /// Whether a canary is under way.
    pub(crate) fn has_canary_out(&self, now: Moment, settings: &Settings) -> bool {
        is_out(self.canary.load(Acquire), now, settings)
    }

    /// This canary is over. Once it was taken for lost, another may be out: that one stays.
    pub(crate) fn free_canary(&self, canary: Canary) {
        let _ = self.canary.compare_exchange(canary.0, 0, AcqRel, Acquire);
    }

    /// A call succeeded that began at this moment. Returns whether that closed the circuit.
    pub(crate) fn succeed(&self, began: Moment, now: Moment) -> bool {
        if self.in_a_row.load(Relaxed) != 0 {
            self.in_a_row.store(0, Relaxed);
        }
        self.bucket(now).count(now, false);
        let until = self.until.load(Acquire);
        // What was under way before it opened proves nothing.
        if until == 0 || began.monotonic_ms() < self.changed.load(Acquire) {
            return false;
        }
        self.close(until, now)
    }

    /// Closes it whatever was: an operator or a probe said so. Returns whether it was not closed.
    pub(crate) fn reset(&self, now: Moment) -> bool {
        self.in_a_row.store(0, Relaxed);
        self.trips.store(0, Relaxed);
        let until = self.until.load(Acquire);
        until != 0 && self.close(until, now)
    }

    /// Lets the next call be the canary, however long the rest still is.
    pub(crate) fn half_open(&self, now: Moment) {
        let until = self.until.load(Acquire);
        if until != 0 {
            let _ = self.until.compare_exchange(until, now.wall_ms().min(until), AcqRel, Acquire);
        }
    }

    /// A call failed. Returns the end of the rest when that opened the circuit.
    pub(crate) fn fail(&self, failure: Failure, now: Moment, settings: &Settings) -> Option<i64> {
        let Failure { began, at_once, salt } = failure;
        let in_a_row = self.in_a_row.fetch_add(1, Relaxed).saturating_add(1);
        self.bucket(now).count(now, true);
        let until = self.until.load(Acquire);
        let trips = match self.phase(now, settings) {
            // What was under way before it opened is no news.
            Phase::HalfOpen if began.monotonic_ms() < self.changed.load(Acquire) => return None,
            Phase::HalfOpen => self.trips.load(Relaxed).saturating_add(1),
            Phase::Closed if at_once || in_a_row >= settings.trip_in_a_row || self.is_failing(now, settings) => {
                self.trips_after_closed(now)
            }
            Phase::Open(_) | Phase::Closed => return None,
        };
        let rest = rest(trips, salt, now, settings);
        let end = now.wall.plus(rest).unix_millis();
        self.until.compare_exchange(until, end, AcqRel, Acquire).ok()?;
        self.trips.store(trips, Relaxed);
        self.changed.store(now.monotonic_ms(), Relaxed);
        self.canary.store(0, Relaxed);
        Some(end)
    }

    fn close(&self, until: i64, now: Moment) -> bool {
        if self.until.compare_exchange(until, 0, AcqRel, Acquire).is_err() {
            return false;
        }
        self.changed.store(now.monotonic_ms(), Relaxed);
        self.canary.store(0, Relaxed);
        self.window.iter().for_each(Bucket::forget);
        true
    }

    fn trips_after_closed(&self, now: Moment) -> u32 {
        let trips = self.trips.load(Relaxed);
        let closed_for = now.monotonic_ms().saturating_sub(self.changed.load(Relaxed));
        if trips == 0 || closed_for > millis(FORGIVEN_AFTER) { 1 } else { trips.saturating_add(1) }
    }

    fn is_failing(&self, now: Moment, settings: &Settings) -> bool {
        let (calls, failures) = self.window.iter().fold((0, 0), |(calls, failures), bucket| {
            let (more, failed) = bucket.read(now);
            (calls + more, failures + failed)
        });
        calls >= settings.trip_calls && failures * 100 >= calls * settings.trip_percent
    }

    fn bucket(&self, now: Moment) -> &Bucket {
        let [first, second, third] = &self.window;
        match (now.monotonic_ms() / BUCKET_MS) % 3 {
            0 => first,
            1 => second,
            _ => third,
        }
    }
}

/// One that is out for longer than a canary may take is lost, and so is one from before the clock was set back.
fn is_out(canary: i64, now: Moment, settings: &Settings) -> bool {
    canary > now.wall_ms() && canary <= now.wall.plus(settings.canary_within).unix_millis()
}

fn rest(trips: u32, salt: u64, now: Moment, settings: &Settings) -> Duration {
    let doublings = trips.saturating_sub(1).min(MAX_DOUBLINGS);
    let rest = settings.open_first.saturating_mul(1 << doublings).min(settings.open_most);
    let percent = mix(salt ^ now.monotonic_ms() ^ u64::from(trips)) % (JITTER_PERCENT + 1);
    rest + rest / 100 * u32::try_from(percent).unwrap_or(0)
}

/// Calls and failures of ten seconds: 24 bits of which ten seconds, 20 bits of each count.
#[derive(Debug, Default)]
struct Bucket(AtomicU64);

const COUNT_BITS: u32 = 20;
const COUNT_MASK: u64 = (1 << COUNT_BITS) - 1;
const EPOCH_MASK: u64 = (1 << 24) - 1;

impl Bucket {
    fn count(&self, now: Moment, failed: bool) {
        let epoch = epoch(now);
        let more = (1 << COUNT_BITS) + u64::from(failed);
        let _ = self.0.fetch_update(Relaxed, Relaxed, |old| {
            let old = if old >> (2 * COUNT_BITS) == epoch { old } else { epoch << (2 * COUNT_BITS) };
            // A full bucket stays as it is: its shares are known well enough.
            (old >> COUNT_BITS & COUNT_MASK != COUNT_MASK).then_some(old + more)
        });
    }

    /// Calls and failures, when they are not too old.
    fn read(&self, now: Moment) -> (u32, u32) {
        let packed = self.0.load(Relaxed);
        let age = epoch(now).wrapping_sub(packed >> (2 * COUNT_BITS)) & EPOCH_MASK;
        if packed == 0 || age >= 3 {
            return (0, 0);
        }
        let part = |bits: u64| u32::try_from(bits & COUNT_MASK).unwrap_or(0);
        (part(packed >> COUNT_BITS), part(packed))
    }

    fn forget(&self) {
        self.0.store(0, Relaxed);
    }
}

fn epoch(now: Moment) -> u64 {
    (now.monotonic_ms() / BUCKET_MS) & EPOCH_MASK
}
