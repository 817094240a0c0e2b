//! The quota evenly spread over the period, and a burst at once: the generic cell rate algorithm, written as what has
//! still to flow off. At most burst and quota pass in any stretch of one period.
//!
//! Amounts are multiplied by the period and flow off at one quota per microsecond, so there is nothing to round: the
//! theoretical arrival time of the usual form is now + owed / quota.

use std::time::Duration;

use keyward_domain::port::Level;

use super::{Micros, capped};

#[derive(Debug)]
pub(crate) struct Bucket {
    period: Micros,
    /// The quota as last seen: how fast it flows off.
    rate: u64,
    /// What has to flow off: amounts times the period.
    owed: u128,
    /// When that was so.
    at: Micros,
}

impl Bucket {
    pub(super) fn new(period: Micros) -> Self {
        Self { period, rate: 0, owed: 0, at: 0 }
    }

    /// A changed quota counts from now on.
    pub(super) fn pass(&mut self, quota: u64, now: Micros) {
        self.flow(now);
        self.rate = quota;
    }

    pub(super) fn room(&mut self, amount: u64, quota: u64, burst: u64, now: Micros) -> Result<(), Duration> {
        self.pass(quota, now);
        let over = self.owed.saturating_add(self.times_period(amount)).saturating_sub(self.times_period(burst));
        if over == 0 { Ok(()) } else { Err(self.flows_off_in(over)) }
    }

    pub(super) fn charge(&mut self, amount: u64) -> u64 {
        self.owed = self.owed.saturating_add(self.times_period(amount));
        self.at
    }

    /// A debt is at most what flows off in one period.
    pub(super) fn owe(&mut self, amount: u64, burst: u64) {
        let most = self.times_period(burst).saturating_add(self.times_period(self.rate));
        self.owed = self.owed.saturating_add(self.times_period(amount)).min(most.max(self.owed));
    }

    pub(super) fn give_back(&mut self, amount: u64) {
        self.owed = self.owed.saturating_sub(self.times_period(amount));
    }

    pub(super) fn level(&self, burst: u64) -> Level {
        let period = u128::from(self.period);
        let used = capped(self.owed.div_ceil(period));
        let remaining = capped(self.times_period(burst).saturating_sub(self.owed) / period);
        Level { used, remaining, reset: self.flows_off_in(self.owed) }
    }

    pub(super) fn is_idle(&mut self, now: Micros) -> bool {
        self.flow(now);
        self.owed == 0
    }

    /// Another event loop may have read the clock a little later and come first: time stands still then.
    fn flow(&mut self, now: Micros) {
        let passed = u128::from(now.saturating_sub(self.at));
        self.owed = self.owed.saturating_sub(passed.saturating_mul(u128::from(self.rate)));
        self.at = self.at.max(now);
    }

    fn flows_off_in(&self, owed: u128) -> Duration {
        Duration::from_micros(capped(owed.div_ceil(u128::from(self.rate.max(1)))))
    }

    fn times_period(&self, amount: u64) -> u128 {
        u128::from(amount) * u128::from(self.period)
    }
}
