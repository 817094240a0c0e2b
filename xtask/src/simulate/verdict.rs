//! What must hold: `adaptive` is as good as every other strategy on calls served and calls wasted, and keeps prompt
//! caches nearly as warm as one key would.

use keyward_domain::routing::Strategy;

use super::Compared;
use super::table::hit_rate;
use super::tally::Tally;

/// Of one unlimited key's cache hits, `adaptive` must reach so many in a hundred.
const CACHE_HITS_PERCENT: u64 = 95;
/// Differences of so many calls, and of one more in so many, are chance: when a provider fails, the fifth failure in a row
/// ends the waste, and which call that is differs with every choice.
const CHANCE: u64 = 20;
const CHANCE_ONE_IN: u64 = 10_000;

/// What does not hold, as sentences; nothing when `adaptive` was not among those compared.
pub fn shortfalls(compared: &Compared) -> Vec<String> {
    let Some(adaptive) = compared.tallies.iter().find(|tally| tally.strategy == Strategy::Adaptive) else {
        return Vec::new();
    };
    let mut found: Vec<_> = compared.tallies.iter().flat_map(|other| beside(adaptive, other)).collect();
    let (own, one_key) = (hit_rate(adaptive), hit_rate(&compared.single_key));
    if own * 100 < one_key * CACHE_HITS_PERCENT {
        found.push(format!(
            "cache hits are {own} in a million, less than {CACHE_HITS_PERCENT} % of one key's {one_key}"
        ));
    }
    found
}

fn beside(adaptive: &Tally, other: &Tally) -> Vec<String> {
    let chance = CHANCE + adaptive.calls() / CHANCE_ONE_IN;
    let (name, mut found) = (other.strategy.as_str(), Vec::new());
    if adaptive.served + chance < other.served {
        found.push(format!("{} calls served, {name} serves {}", adaptive.served, other.served));
    }
    if adaptive.waste() > other.waste() + chance {
        found.push(format!("{} calls wasted, {name} wastes {}", adaptive.waste(), other.waste()));
    }
    found
}
