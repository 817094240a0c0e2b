//! What goes wrong in the day, and when. The same for everybody.

use std::ops::Range;

use super::day::Day;
use super::fleet::Provider;

/// One call in this many fails for no reason at all.
pub const BLIP_ONE_IN: u64 = 1_000;
/// How much longer the first content takes with a slow key, in milliseconds.
pub const SLOW_BY: u64 = 5_000;

/// Everything that goes wrong.
pub struct Faults {
    pub outages: Vec<Outage>,
    /// Keys that are slow for a while.
    pub slow: Vec<(usize, Range<u64>)>,
    /// Keys that are revoked, and from when on.
    pub revoked: Vec<(usize, u64)>,
    /// Accounts without credit, until somebody pays.
    pub unpaid: Vec<(usize, Range<u64>)>,
    /// Keys that fail for a while and heal.
    pub sick: Vec<(usize, Range<u64>, Sickness)>,
    /// When daily quotas begin anew.
    pub daily_reset: u64,
}

/// A provider that fails.
pub struct Outage {
    pub provider: Provider,
    pub when: Range<u64>,
    /// How many calls in a hundred fail.
    pub percent: u64,
}

/// How a sick key fails.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Sickness {
    /// It is forbidden to do what it may do (403).
    Forbidden,
    /// What is behind it fails (500), which looks like a failure of the provider.
    Failing,
}

impl Faults {
    /// Those of the simulated day. Minutes are minutes of the day, keys and accounts are places in the fleet.
    pub fn of_day(day: Day) -> Self {
        Self {
            outages: vec![
                Outage { provider: Provider::North, when: day.lasting(10 * 60 + 30, 20), percent: 100 },
                Outage { provider: Provider::North, when: day.lasting(15 * 60, 20), percent: 30 },
                Outage { provider: Provider::South, when: day.lasting(13 * 60, 20), percent: 100 },
            ],
            slow: vec![
                (2, day.lasting(9 * 60, 60)),
                (13, day.lasting(14 * 60, 60)),
                (24, day.lasting(16 * 60, 60)),
                (30, day.lasting(11 * 60, 60)),
            ],
            revoked: vec![
                (0, day.minute(12 * 60)),
                (8, day.minute(12 * 60 + 5)),
                (19, day.minute(12 * 60 + 10)),
                (33, day.minute(14 * 60 + 30)),
                (40, day.minute(9 * 60 + 30)),
            ],
            unpaid: vec![(5, day.minute(11 * 60 + 30)..day.minute(15 * 60 + 30)), (9, day.minute(16 * 60)..day.length)],
            sick: vec![
                (4, day.lasting(9 * 60 + 45, 5), Sickness::Forbidden),
                (17, day.lasting(11 * 60 + 15, 5), Sickness::Failing),
                (27, day.lasting(14 * 60 + 15, 5), Sickness::Forbidden),
                (9, day.lasting(16 * 60 + 20, 5), Sickness::Failing),
            ],
            daily_reset: day.minute(8 * 60),
        }
    }

    /// Only what no choice of a key can help.
    pub fn of_providers(day: Day) -> Self {
        let none = Self { slow: Vec::new(), revoked: Vec::new(), unpaid: Vec::new(), ..Self::of_day(day) };
        Self { sick: Vec::new(), ..none }
    }

    /// How many calls in a hundred fail at a provider.
    pub fn outage(&self, provider: Provider, at: u64) -> u64 {
        let here = self.outages.iter().filter(|outage| outage.provider == provider && outage.when.contains(&at));
        here.map(|outage| outage.percent).max().unwrap_or(0)
    }

    pub fn is_slow(&self, key: usize, at: u64) -> bool {
        self.slow.iter().any(|(slow, when)| *slow == key && when.contains(&at))
    }

    pub fn is_revoked(&self, key: usize, at: u64) -> bool {
        self.revoked.iter().any(|(revoked, from)| *revoked == key && at >= *from)
    }

    pub fn is_unpaid(&self, account: usize, at: u64) -> bool {
        self.unpaid.iter().any(|(unpaid, when)| *unpaid == account && when.contains(&at))
    }

    pub fn sickness(&self, key: usize, at: u64) -> Option<Sickness> {
        let sick = self.sick.iter().find(|(sick, when, _)| *sick == key && when.contains(&at));
        sick.map(|(.., sickness)| *sickness)
    }
}
