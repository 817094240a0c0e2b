//! Calls in flight.

use std::time::Duration;

use keyward_domain::port::Level;

/// Nobody knows when a call ends. Who was refused a place comes back after this time.
const PLACE_RETRY: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
pub(crate) struct Places {
    taken: u64,
}

impl Places {
    pub(super) fn room(&self, amount: u64, quota: u64) -> Result<(), Duration> {
        let fits = self.taken.checked_add(amount).is_some_and(|taken| taken <= quota);
        if fits { Ok(()) } else { Err(PLACE_RETRY) }
    }

    pub(super) fn charge(&mut self, amount: u64) -> u64 {
        self.taken = self.taken.saturating_add(amount);
        0
    }

    pub(super) fn give_back(&mut self, amount: u64) {
        self.taken = self.taken.saturating_sub(amount);
    }

    pub(super) fn level(&self, quota: u64) -> Level {
        Level { used: self.taken, remaining: quota.saturating_sub(self.taken), reset: Duration::ZERO }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.taken == 0
    }
}
