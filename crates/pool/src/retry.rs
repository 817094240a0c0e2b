//! How often may be tried again: a budget over all calls, so that retries never multiply an outage, and the pause before
//! each.

use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::time::Duration;

use crate::chance::Draw;
use crate::moment::{Moment, millis};

/// Retries that calls that succeed pay for, in percent of them.
const PERCENT: u64 = 20;
/// Retries that are always paid for, per second.
const FLOOR_PER_SECOND: u64 = 10;
/// What they paid in counts this many seconds.
const SECONDS: usize = 10;

/// The pauses of [`backoff`]: the first at most this long, the longest at most that.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// A budget of retries: 20 % of the calls that succeeded within the last ten seconds, and 10 per second besides. What
/// fails pays nothing in, so an outage earns no retries. Shared by all threads.
#[derive(Debug, Default)]
pub struct RetryBudget {
    retries: Seconds,
    /// Every success of every thread pays in, so threads pay into cells of their own.
    successes: [Cell; CELLS],
}

/// Cells for deposits; threads beyond that share them.
const CELLS: usize = 16;

/// Counts of one thread, on cache lines of their own.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Cell(Seconds);

/// Counts of the last ten seconds.
#[derive(Debug, Default)]
struct Seconds([Second; SECONDS]);

/// One second: 32 bits of which, 32 bits of how much there was in it.
#[derive(Debug, Default)]
struct Second(AtomicU64);

const COUNT_MASK: u64 = u32::MAX as u64;

impl RetryBudget {
    /// A full budget.
    pub fn new() -> Self {
        Self::default()
    }

    /// A call succeeded: it pays in for retries.
    pub fn deposit(&self, moment: Moment) {
        let [first, ..] = &self.successes;
        OWN_CELL.with(|own| self.successes.get(*own).unwrap_or(first).0.add(moment));
    }

    /// Takes one retry out; returns whether there was one.
    pub fn withdraw(&self, moment: Moment) -> bool {
        // Taken first and looked at then: two at once may both be refused, never both be let through wrongly.
        self.retries.add(moment);
        let may = self.retries.sum(moment) <= self.allowed(moment);
        if !may {
            self.retries.take_back(moment);
        }
        may
    }

    /// Retries that are left now.
    pub fn left(&self, moment: Moment) -> u64 {
        self.allowed(moment).saturating_sub(self.retries.sum(moment))
    }

    fn allowed(&self, moment: Moment) -> u64 {
        let successes: u64 = self.successes.iter().map(|cell| cell.0.sum(moment)).sum();
        successes * PERCENT / 100 + FLOOR_PER_SECOND * SECONDS as u64
    }
}

thread_local! {
    /// Which cell this thread pays into.
    static OWN_CELL: usize = {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        NEXT.fetch_add(1, Relaxed) % CELLS
    };
}

impl Seconds {
    fn add(&self, moment: Moment) {
        self.second(moment).add(moment);
    }

    fn take_back(&self, moment: Moment) {
        self.second(moment).take_back(moment);
    }

    fn sum(&self, moment: Moment) -> u64 {
        self.0.iter().map(|second| second.read(moment)).sum()
    }

    fn second(&self, moment: Moment) -> &Second {
        let [first, ..] = &self.0;
        let index = usize::try_from(moment.monotonic.as_secs() % SECONDS as u64).unwrap_or(0);
        self.0.get(index).unwrap_or(first)
    }
}

impl Second {
    fn add(&self, moment: Moment) {
        let _ = self.0.fetch_update(AcqRel, Acquire, |packed| {
            let (held, count) = split(packed);
            let count = if held == epoch(moment) { count } else { 0 };
            (count < COUNT_MASK).then(|| pack(epoch(moment), count + 1))
        });
    }

    fn take_back(&self, moment: Moment) {
        let _ = self.0.fetch_update(AcqRel, Acquire, |packed| {
            let (held, count) = split(packed);
            (held == epoch(moment) && count > 0).then(|| pack(held, count - 1))
        });
    }

    fn read(&self, moment: Moment) -> u64 {
        let (held, count) = split(self.0.load(Relaxed));
        let age = epoch(moment).wrapping_sub(held) & COUNT_MASK;
        if age >= SECONDS as u64 { 0 } else { count }
    }
}

fn split(packed: u64) -> (u64, u64) {
    (packed >> 32, packed & COUNT_MASK)
}

const fn pack(epoch: u64, count: u64) -> u64 {
    (epoch << 32) | count
}

fn epoch(moment: Moment) -> u64 {
    moment.monotonic.as_secs() & COUNT_MASK
}

/// How long to wait before an attempt that is not the first (1 for the first retry): by chance between nothing and a
/// bound that doubles from 50 ms to 2 s (full jitter), so that those who failed together do not come back together.
pub fn backoff(attempt: u32, draw: &mut Draw) -> Duration {
    let doublings = attempt.saturating_sub(1).min(16);
    let bound = FIRST_PAUSE.saturating_mul(1 << doublings).min(LONGEST_PAUSE);
    Duration::from_millis(draw.below(millis(bound) + 1))
}
