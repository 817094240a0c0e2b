//! A provider's limit: how much there may be within any 60 seconds.

use std::collections::VecDeque;

pub const MINUTE_MS: u64 = 60_000;

/// What there was within the last minute.
pub struct Window {
    limit: u64,
    taken: VecDeque<(u64, u64)>,
    used: u64,
}

impl Window {
    pub fn new(limit: u64) -> Self {
        Self { limit, taken: VecDeque::new(), used: 0 }
    }

    pub const fn limit(&self) -> u64 {
        self.limit
    }

    pub fn remaining(&self) -> u64 {
        self.limit.saturating_sub(self.used)
    }

    /// When all of it is there again if nothing more comes.
    pub fn full_at(&self, now: u64) -> u64 {
        self.taken.back().map_or(now, |(at, _)| at + MINUTE_MS)
    }

    /// Lets go of what is over. To be called before anything else is asked.
    pub fn advance(&mut self, now: u64) {
        while let Some((_, amount)) = self.taken.pop_front_if(|(at, _)| *at + MINUTE_MS <= now) {
            self.used -= amount;
        }
    }

    /// How long until so much fits; nothing when it does now.
    pub fn wait(&self, amount: u64, now: u64) -> Option<u64> {
        let mut over = (self.used + amount).checked_sub(self.limit).filter(|over| *over > 0)?;
        for (at, taken) in &self.taken {
            if *taken >= over {
                return Some(at + MINUTE_MS - now);
            }
            over -= taken;
        }
        Some(MINUTE_MS)
    }

    pub fn take(&mut self, amount: u64, now: u64) {
        self.used += amount;
        self.taken.push_back((now, amount));
    }
}
