//! What is counted while a day runs, and the figures that come of it.

use std::collections::BTreeMap;

use keyward_domain::routing::Strategy;

use super::course::Stop;
use super::fleet::{Fleet, Key};
use super::providers::{Good, Why};
use super::traffic::{Call, Model};

/// The counts of one strategy.
pub struct Tally {
    pub strategy: Strategy,
    pub served: u64,
    pub unserved: BTreeMap<(Stop, Model), u64>,
    pub wasted: BTreeMap<Why, u64>,
    /// Prompt tokens that were read from a cache.
    pub cached: u64,
    /// Prompt tokens that were sent before: by the turn before, or with the same system prompt.
    pub cacheable: u64,
    pub cost_nanodollars: u64,
    /// How much later the first content came than it could have, in milliseconds, call by call.
    waits: Vec<u64>,
    /// Calls sent with each key.
    sent: Vec<u64>,
}

impl Tally {
    pub fn new(strategy: Strategy, keys: usize) -> Self {
        Self {
            strategy,
            served: 0,
            unserved: BTreeMap::new(),
            wasted: BTreeMap::new(),
            cached: 0,
            cacheable: 0,
            cost_nanodollars: 0,
            waits: Vec::new(),
            sent: vec![0; keys],
        }
    }

    pub fn sent(&mut self, key: usize) {
        if let Some(sent) = self.sent.get_mut(key) {
            *sent += 1;
        }
    }

    pub fn wasted(&mut self, why: Why) {
        *self.wasted.entry(why).or_default() += 1;
    }

    pub fn begun(&mut self, call: &Call, good: Good, now: u64) {
        self.served += 1;
        self.cached += good.cached;
        self.cacheable += call.repeated.max(call.system_tokens);
        self.cost_nanodollars += u64::try_from(good.cost_nanodollars).unwrap_or(0);
        self.waits.push(now - call.at - call.first_content);
    }

    pub fn unserved(&mut self, call: &Call, stop: Stop) {
        *self.unserved.entry((stop, call.model)).or_default() += 1;
    }

    /// Calls that got no answer.
    pub fn failures(&self) -> u64 {
        self.unserved.values().sum()
    }

    /// Upstream calls that did not serve.
    pub fn waste(&self) -> u64 {
        self.wasted.values().sum()
    }

    /// Those of them that another key might have served: refused for a limit, or for what is wrong with the key.
    pub fn avoidable_waste(&self) -> u64 {
        let is_avoidable = |why: &Why| !matches!(why, Why::Outage | Why::Blip);
        self.wasted.iter().filter(|(why, _)| is_avoidable(why)).map(|(_, calls)| calls).sum()
    }

    /// Why calls were wasted, and why some were not served.
    pub fn reasons(&self) -> String {
        let Self { strategy, wasted, unserved, .. } = self;
        format!("{}: wasted {wasted:?}, unserved {unserved:?}", strategy.as_str())
    }

    pub fn calls(&self) -> u64 {
        self.served + self.failures()
    }

    /// The wait that 99 of 100 served calls stay below, in milliseconds.
    pub fn p99_wait(&self) -> u64 {
        let mut waits = self.waits.clone();
        waits.sort_unstable();
        waits.get(waits.len() * 99 / 100).copied().unwrap_or(0)
    }

    /// The waits together, in milliseconds.
    pub fn whole_wait(&self) -> u64 {
        self.waits.iter().sum()
    }

    /// How many times its fair share, by weight, the busiest key of the first provider got, in thousandths.
    pub fn busiest(&self, fleet: &Fleet) -> u64 {
        let keys: Vec<_> = fleet.keys.iter().zip(&self.sent).filter(|(key, _)| fleet.is_first(key)).collect();
        let weights: u64 = keys.iter().map(|(key, _)| u64::from(key.weight)).sum();
        let sent: u64 = keys.iter().map(|(_, sent)| *sent).sum();
        let share = |(key, own): &(&Key, &u64)| **own * weights * 1_000 / (sent * u64::from(key.weight)).max(1);
        keys.iter().map(share).max().unwrap_or(0)
    }
}
