//! At most the quota in any stretch of one period.
//!
//! A list of what passed, oldest first. What comes within a sixty-fourth of a period goes into one entry and leaves with
//! the last of it: the list stays short, and what was used comes back at most that much late. It is exact as long as
//! fewer calls come.

use std::collections::VecDeque;
use std::time::Duration;

use keyward_domain::port::Level;

use super::{Micros, capped};

/// A power of two divides every period into whole microseconds.
const ENTRIES_PER_PERIOD: u64 = 64;

#[derive(Debug)]
pub(crate) struct Window {
    period: Micros,
    /// Oldest first; at most [`ENTRIES_PER_PERIOD`] and two.
    entries: VecDeque<Entry>,
    /// The sum of all entries.
    used: u128,
}

#[derive(Debug)]
struct Entry {
    /// When its first amount came; no two entries have the same.
    since: Micros,
    /// When its last amount came.
    last: Micros,
    amount: u128,
}

impl Window {
    pub(super) fn new(period: Micros) -> Self {
        Self { period, entries: VecDeque::new(), used: 0 }
    }

    pub(super) fn pass(&mut self, now: Micros) {
        while let Some(oldest) = self.entries.front() {
            if now < oldest.last.saturating_add(self.period) {
                break;
            }
            self.used -= oldest.amount;
            self.entries.pop_front();
        }
    }

    pub(super) fn room(&mut self, amount: u64, quota: u64, now: Micros) -> Result<(), Duration> {
        self.pass(now);
        let wanted = self.used + u128::from(amount);
        let Some(mut over) = wanted.checked_sub(u128::from(quota)).filter(|over| *over > 0) else { return Ok(()) };
        // The oldest go first; what frees enough says when.
        let enough = self.entries.iter().find(|entry| {
            over = over.saturating_sub(entry.amount);
            over == 0
        });
        let last = enough.or(self.entries.back()).map_or(now, |entry| entry.last);
        Err(self.until_gone(last, now))
    }

    pub(super) fn charge(&mut self, amount: u64, now: Micros) -> u64 {
        let amount = u128::from(amount);
        self.used += amount;
        let step = self.period / ENTRIES_PER_PERIOD;
        // Another event loop may have read the clock a little later and come first: time stands still then.
        if let Some(newest) = self.entries.back_mut().filter(|newest| now < newest.since.saturating_add(step)) {
            newest.last = newest.last.max(now);
            newest.amount += amount;
            return newest.since;
        }
        self.entries.push_back(Entry { since: now, last: now, amount });
        now
    }

    pub(super) fn give_back(&mut self, amount: u64, noted: u64) {
        let Ok(index) = self.entries.binary_search_by_key(&noted, |entry| entry.since) else { return };
        let Some(entry) = self.entries.get_mut(index) else { return };
        let amount = u128::from(amount).min(entry.amount);
        entry.amount -= amount;
        self.used -= amount;
        if entry.amount == 0 {
            self.entries.remove(index);
        }
    }

    pub(super) fn level(&self, quota: u64, now: Micros) -> Level {
        let used = capped(self.used);
        let reset = self.entries.back().map_or(Duration::ZERO, |newest| self.until_gone(newest.last, now));
        Level { used, remaining: quota.saturating_sub(used), reset }
    }

    pub(super) fn is_idle(&mut self, now: Micros) -> bool {
        self.pass(now);
        self.entries.is_empty()
    }

    fn until_gone(&self, last: Micros, now: Micros) -> Duration {
        Duration::from_micros(last.saturating_add(self.period).saturating_sub(now))
    }
}
