//! How much there was on a UTC day.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{AcqRel, Acquire};

use keyward_domain::time::Timestamp;

const DAY_MS: i64 = 86_400_000;
/// 16 bits say which day, 48 bits how much: 281,000 dollars in nano-dollars.
const AMOUNT_BITS: u32 = 48;
const MOST: u64 = (1 << AMOUNT_BITS) - 1;
/// A clock that was set back by no more than this many days does not begin a day anew.
const SET_BACK: u64 = 2;

/// The amount of one day; a new day begins at 0.
#[derive(Debug, Default)]
pub(crate) struct Day(AtomicU64);

/// The day on which an amount was noted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotedDay(u64);

impl Day {
    /// Takes an amount when the limit allows it.
    pub(crate) fn take(&self, amount: u64, limit: u64, now: Timestamp) -> Option<NotedDay> {
        let mut noted = NotedDay(0);
        let taken = self.0.fetch_update(AcqRel, Acquire, |packed| {
            let (day, used) = today(packed, now);
            noted = NotedDay(day);
            let sum = used.saturating_add(amount);
            (sum <= limit).then(|| pack(day, sum))
        });
        taken.is_ok().then_some(noted)
    }

    /// Replaces an amount that was noted by what it turned out to be; one of a day that is over is left alone.
    pub(crate) fn correct(&self, noted: NotedDay, was: u64, is: u64) {
        let _ = self.0.fetch_update(AcqRel, Acquire, |packed| {
            let (day, used) = split(packed);
            (day == noted.0).then(|| pack(day, used.saturating_add(is).saturating_sub(was)))
        });
    }

    /// What was used today before a restart.
    pub(crate) fn restore(&self, amount: u64, now: Timestamp) {
        let _ = self.0.fetch_update(AcqRel, Acquire, |packed| {
            let (day, used) = today(packed, now);
            Some(pack(day, used.max(amount)))
        });
    }

    /// How much today holds.
    pub(crate) fn used(&self, now: Timestamp) -> u64 {
        today(self.0.load(Acquire), now).1
    }
}

/// When the next UTC day begins.
pub(crate) fn tomorrow(now: Timestamp) -> Timestamp {
    Timestamp::from_unix_millis((now.unix_millis().div_euclid(DAY_MS) + 1).saturating_mul(DAY_MS))
}

/// Which day it is and what it holds.
fn today(packed: u64, now: Timestamp) -> (u64, u64) {
    let day = u64::try_from(now.unix_millis().div_euclid(DAY_MS)).unwrap_or(0) & 0xFFFF;
    let (held, used) = split(packed);
    if packed != 0 && held >= day && held - day <= SET_BACK { (held, used) } else { (day, 0) }
}

fn split(packed: u64) -> (u64, u64) {
    (packed >> AMOUNT_BITS, packed & MOST)
}

fn pack(day: u64, amount: u64) -> u64 {
    (day << AMOUNT_BITS) | amount.min(MOST)
}
