//! An operator's limits of one key: all are looked at and taken before a call is sent, or none is.

mod day;
mod window;

use std::time::Duration;

use keyward_domain::money::Nanodollars;
use keyward_domain::routing::KeyLimits;
use keyward_domain::time::Timestamp;

use crate::moment::Moment;
use day::{Day, NotedDay, tomorrow};
use window::{Noted, Window};

/// What a key has used of its limits.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    requests: Window,
    tokens: Window,
    daily_requests: Day,
    daily_cost: Day,
}

/// What a call may use, at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Estimate {
    pub(crate) tokens: u64,
    pub(crate) cost: u64,
}

impl Estimate {
    pub(crate) fn new(tokens: u64, cost: Nanodollars) -> Self {
        Self { tokens, cost: u64::try_from(cost.0).unwrap_or(0) }
    }
}

/// What one call has taken of a key's limits; must be settled or undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Taken {
    estimate: Estimate,
    requests: Option<Noted>,
    tokens: Option<Noted>,
    daily_requests: Option<NotedDay>,
    daily_cost: Option<NotedDay>,
}

/// A limit of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    Rpm,
    Tpm,
    Rpd,
    DailyCost,
}

impl Limit {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Rpm => "rpm",
            Self::Tpm => "tpm",
            Self::Rpd => "rpd",
            Self::DailyCost => "daily_cost",
        }
    }
}

/// Whether any limit is set that is counted here; places in flight are counted by the key itself.
pub(crate) fn is_counted(limits: &KeyLimits) -> bool {
    limits.rpm.is_some() || limits.tpm.is_some() || limits.rpd.is_some() || limits.daily_cost.is_some()
}

impl Counters {
    /// Takes what a call may use, from all limits or from none.
    pub(crate) fn take(&self, limits: &KeyLimits, estimate: Estimate, now: Moment) -> Result<Taken, Limit> {
        let mut taken = Taken { estimate, requests: None, tokens: None, daily_requests: None, daily_cost: None };
        match self.try_take(&mut taken, limits, now) {
            Ok(()) => Ok(taken),
            Err(limit) => {
                self.undo(&taken);
                Err(limit)
            }
        }
    }

    /// Puts what was really used in the place of the estimate.
    pub(crate) fn settle(&self, taken: &Taken, tokens: u64, cost: Nanodollars) {
        let used = Estimate::new(tokens, cost);
        if let Some(noted) = taken.tokens {
            self.tokens.correct(noted, used.tokens);
        }
        if let Some(noted) = taken.daily_cost {
            self.daily_cost.correct(noted, taken.estimate.cost, used.cost);
        }
    }

    /// Gives everything back: the call was not sent, or cost nothing.
    pub(crate) fn undo(&self, taken: &Taken) {
        if let Some(noted) = taken.requests {
            self.requests.correct(noted, 0);
        }
        if let Some(noted) = taken.daily_requests {
            self.daily_requests.correct(noted, 1, 0);
        }
        self.settle(taken, 0, Nanodollars::ZERO);
    }

    /// The limit that such a call would be refused by, and when it has room; no time when it never has.
    pub(crate) fn refusal(
        &self,
        limits: &KeyLimits,
        estimate: Estimate,
        now: Moment,
    ) -> Option<(Limit, Option<Timestamp>)> {
        let now_ms = now.monotonic_ms();
        let windows = [
            (Limit::Rpm, &self.requests, 1, limits.rpm.map(u64::from)),
            (Limit::Tpm, &self.tokens, estimate.tokens, limits.tpm),
        ];
        for (limit, window, amount, most) in windows {
            let Some(most) = most else { continue };
            match window.room_in(amount, most, now_ms) {
                Some(Duration::ZERO) => {}
                wait => return Some((limit, wait.map(|wait| now.wall.plus(wait)))),
            }
        }
        let days = [
            (Limit::Rpd, &self.daily_requests, 1, limits.rpd.map(u64::from)),
            (Limit::DailyCost, &self.daily_cost, estimate.cost, daily_cost(limits)),
        ];
        let (limit, _, amount, most) = days.into_iter().find(|(_, day, amount, most)| {
            most.is_some_and(|most| day.used(now.wall).saturating_add(*amount) > most)
        })?;
        Some((limit, (Some(amount) <= most).then(|| tomorrow(now.wall))))
    }

    /// What was used today before a restart.
    pub(crate) fn restore(&self, requests: u64, cost: Nanodollars, now: Timestamp) {
        self.daily_requests.restore(requests, now);
        self.daily_cost.restore(Estimate::new(0, cost).cost, now);
    }

    fn try_take(&self, taken: &mut Taken, limits: &KeyLimits, now: Moment) -> Result<(), Limit> {
        let now_ms = now.monotonic_ms();
        let Estimate { tokens, cost } = taken.estimate;
        if let Some(limit) = limits.rpm {
            taken.requests = Some(self.requests.take(1, limit.into(), now_ms).ok_or(Limit::Rpm)?);
        }
        if let Some(limit) = limits.tpm {
            taken.tokens = Some(self.tokens.take(tokens, limit, now_ms).ok_or(Limit::Tpm)?);
        }
        if let Some(limit) = limits.rpd {
            taken.daily_requests = Some(self.daily_requests.take(1, limit.into(), now.wall).ok_or(Limit::Rpd)?);
        }
        if let Some(limit) = daily_cost(limits) {
            taken.daily_cost = Some(self.daily_cost.take(cost, limit, now.wall).ok_or(Limit::DailyCost)?);
        }
        Ok(())
    }
}

fn daily_cost(limits: &KeyLimits) -> Option<u64> {
    limits.daily_cost.map(|limit| u64::try_from(limit.0).unwrap_or(0))
}
