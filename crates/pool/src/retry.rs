//! How often may be tried again: a budget over all calls, so that retries never multiply an outage, and the pause before
//! each.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};
use std::time::Duration;

use crate::chance::Draw;
use crate::moment::{Moment, millis};

/// Retries that traffic pays for, in percent of it.
const PERCENT: u64 = 20;
/// Retries that are always paid for, per second.
const FLOOR_PER_SECOND: u64 = 10;
/// What traffic paid in counts this many seconds.
const SECONDS: usize = 10;

/// The pauses of [`backoff`]: the first at most this long, the longest at most that.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// A budget of retries: 20 % of the calls of the last ten seconds, and 10 per second besides. Shared by all threads.
#[derive(Debug, Default)]
pub struct RetryBudget {
    seconds: [Second; SECONDS],
}

/// One second: 24 bits of which, 20 bits of calls, 20 bits of retries.
#[derive(Debug, Default)]
struct Second(AtomicU64);

const COUNT_BITS: u32 = 20;
const COUNT_MASK: u64 = (1 << COUNT_BITS) - 1;
const EPOCH_MASK: u64 = (1 << 24) - 1;

impl RetryBudget {
    /// A full budget.
    pub fn new() -> Self {
        Self::default()
    }

    /// A call began: it pays in for retries.
    pub fn deposit(&self, moment: Moment) {
        self.second(moment).add(moment, 1 << COUNT_BITS);
    }

    /// Takes one retry out; returns whether there was one.
    pub fn withdraw(&self, moment: Moment) -> bool {
        // Taken first and looked at then: two at once may both be refused, never both be let through wrongly.
        self.second(moment).add(moment, 1);
        let (calls, retries) = self.counts(moment);
        let may = retries <= calls * PERCENT / 100 + FLOOR_PER_SECOND * SECONDS as u64;
        if !may {
            self.second(moment).take_back(moment);
        }
        may
    }

    /// Retries that are left now.
    pub fn left(&self, moment: Moment) -> u64 {
        let (calls, retries) = self.counts(moment);
        (calls * PERCENT / 100 + FLOOR_PER_SECOND * SECONDS as u64).saturating_sub(retries)
    }

    fn counts(&self, moment: Moment) -> (u64, u64) {
        self.seconds.iter().fold((0, 0), |(calls, retries), second| {
            let (more, again) = second.read(moment);
            (calls + more, retries + again)
        })
    }

    fn second(&self, moment: Moment) -> &Second {
        let [first, ..] = &self.seconds;
        let index = usize::try_from(moment.monotonic.as_secs() % SECONDS as u64).unwrap_or(0);
        self.seconds.get(index).unwrap_or(first)
    }
}

impl Second {
    fn add(&self, moment: Moment, more: u64) {
        let epoch = epoch(moment);
        let _ = self.0.fetch_update(AcqRel, Acquire, |packed| {
            let held = if packed >> (2 * COUNT_BITS) == epoch { packed } else { epoch << (2 * COUNT_BITS) };
            let is_full = held >> COUNT_BITS & COUNT_MASK == COUNT_MASK || held & COUNT_MASK == COUNT_MASK;
            (!is_full).then_some(held + more)
        });
    }

    fn take_back(&self, moment: Moment) {
        let _ = self.0.fetch_update(AcqRel, Acquire, |packed| {
            (packed >> (2 * COUNT_BITS) == epoch(moment) && packed & COUNT_MASK > 0).then(|| packed - 1)
        });
    }

    fn read(&self, moment: Moment) -> (u64, u64) {
        let packed = self.0.load(Relaxed);
        let age = epoch(moment).wrapping_sub(packed >> (2 * COUNT_BITS)) & EPOCH_MASK;
        if age >= SECONDS as u64 { (0, 0) } else { (packed >> COUNT_BITS & COUNT_MASK, packed & COUNT_MASK) }
    }
}

fn epoch(moment: Moment) -> u64 {
    moment.monotonic.as_secs() & EPOCH_MASK
}

/// How long to wait before an attempt that is not the first (1 for the first retry): by chance between nothing and a
/// bound that doubles from 50 ms to 2 s (full jitter), so that those who failed together do not come back together.
pub fn backoff(attempt: u32, draw: &mut Draw) -> Duration {
    let doublings = attempt.saturating_sub(1).min(16);
    let bound = FIRST_PAUSE.saturating_mul(1 << doublings).min(LONGEST_PAUSE);
    Duration::from_millis(draw.below(millis(bound) + 1))
}
