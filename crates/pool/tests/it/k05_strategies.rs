//! K05: strategies share as they say.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use keyward_domain::judgement::{Blame, Lasts, Trouble};
use keyward_domain::routing::{KeyTerms, Strategy};
use keyward_pool::{Ask, Claim, Member, Outcome};

use crate::house::{House, MODEL, failed, id, judged, member, succeeded, weighted};

const CALLS: u32 = 100_000;

/// Calls of which up to twelve are under way, a tenth is abandoned and a few fail for the request's own fault.
fn traffic(house: &mut House, calls: u32, with_affinity: bool) -> HashMap<String, u32> {
    let mut counts = HashMap::new();
    let mut under_way: VecDeque<Claim> = VecDeque::new();
    for _ in 0..calls {
        let affinity = with_affinity.then(|| house.draw.number());
        let claim = house.choose(&Ask { affinity, input_tokens: 500, ..Ask::new(MODEL) });
        *counts.entry(claim.name().to_string()).or_default() += 1;
        under_way.push_back(claim);
        house.advance(Duration::from_millis(2));
        while under_way.len() > 12 {
            let at = usize::try_from(house.draw.below(12)).unwrap();
            let claim = under_way.remove(at).unwrap();
            finish(house, claim);
        }
    }
    counts
}

fn finish(house: &mut House, claim: Claim) {
    let millis = 100 + house.draw.below(100);
    match house.draw.below(20) {
        0 => drop(claim),
        1 => claim.report(&Outcome::Neutral, house.now),
        2 => claim.report(&failed(&judged(Blame::Request, Lasts::Human, Trouble::BadRequest)), house.now),
        _ => claim.report(&succeeded(Duration::from_millis(millis)), house.now),
    }
}

fn assert_share(counts: &HashMap<String, u32>, key: &str, percent: f64, context: &str) {
    let total: u32 = counts.values().sum();
    let share = f64::from(counts.get(key).copied().unwrap_or(0)) * 100.0 / f64::from(total);
    assert!((share - percent).abs() <= 2.0, "{context}: {key} has {share} % instead of {percent}: {counts:?}");
}

#[test]
fn k05_four_equal_keys_get_a_quarter_each() {
    for strategy in Strategy::ALL.into_iter().filter(|strategy| *strategy != Strategy::Single) {
        for with_affinity in [false, true] {
            let mut house = House::even(strategy, 4, 5);
            let counts = traffic(&mut house, CALLS, with_affinity);
            for key in ["k0", "k1", "k2", "k3"] {
                assert_share(&counts, key, 25.0, &format!("{strategy:?}, affinity {with_affinity}"));
            }
            assert!(house.pool.keys(house.now).iter().all(|view| view.in_flight == 0), "{strategy:?}");
        }
    }
}

#[test]
fn k05_single_uses_the_first_usable_one() {
    let mut house = House::even(Strategy::Single, 4, 5);
    let counts = traffic(&mut house, CALLS, true);
    assert_eq!(counts.len(), 1);
    assert_eq!(counts["k0"], CALLS);
    house.fail(0, &judged(Blame::Key, Lasts::Human, Trouble::Rejected));
    assert_eq!(traffic(&mut house, 100, true)["k1"], 100);
}

#[test]
fn k05_weights_are_kept() {
    let weighted = || vec![weighted(0, 1), weighted(1, 2), weighted(2, 3), weighted(3, 4)];
    let by_weight =
        [Strategy::Weighted, Strategy::LeastUsed, Strategy::HealthBased, Strategy::Adaptive, Strategy::CostOptimized];
    for strategy in by_weight {
        for with_affinity in [false, true] {
            // Weights of the least used say how much one call loads a key, which is not a share of calls.
            if strategy == Strategy::LeastUsed {
                continue;
            }
            let mut house = House::new(strategy, weighted(), 55);
            let counts = traffic(&mut house, CALLS, with_affinity);
            for (key, percent) in [("k0", 10.0), ("k1", 20.0), ("k2", 30.0), ("k3", 40.0)] {
                assert_share(&counts, key, percent, &format!("{strategy:?}, affinity {with_affinity}"));
            }
        }
    }
}

#[test]
fn k05_weights_are_kept_while_some_keys_rest() {
    let mut members: Vec<_> = (0..4).map(|number| weighted(number, u16::try_from(number + 1).unwrap())).collect();
    members.extend((4..60).map(|number| weighted(number, 50)));
    let mut house = House::new(Strategy::Weighted, members, 5);
    for number in 4..60 {
        house.fail(number, &judged(Blame::Key, Lasts::Human, Trouble::Rejected));
    }
    let counts = traffic(&mut house, CALLS, false);
    for (key, percent) in [("k0", 10.0), ("k1", 20.0), ("k2", 30.0), ("k3", 40.0)] {
        assert_share(&counts, key, percent, "56 of 60 rest");
    }
}

#[test]
fn k05_round_robin_goes_round_the_open_ones() {
    let mut house = House::even(Strategy::RoundRobin, 5, 5);
    house.fail(2, &judged(Blame::Key, Lasts::Human, Trouble::Rejected));
    let counts = traffic(&mut house, 40_000, false);
    for key in ["k0", "k1", "k3", "k4"] {
        assert_eq!(counts[key], 10_000, "{counts:?}");
    }
}

#[test]
fn k05_least_used_prefers_idle_keys() {
    let mut house = House::even(Strategy::LeastUsed, 3, 5);
    let held: Vec<_> = (0..5).map(|_| house.choose(&Ask { tried: &[id(1), id(2)], ..Ask::new(MODEL) })).collect();
    let counts = traffic(&mut house, 30_000, false);
    assert!(counts["k1"] > counts["k0"] * 3 && counts["k2"] > counts["k0"] * 3, "{counts:?}");
    drop(held);
}

#[test]
fn k05_health_based_leaves_a_key_that_fails_often() {
    let mut house = House::even(Strategy::HealthBased, 3, 5);
    let mut counts: HashMap<_, u32> = HashMap::new();
    for _ in 0..30_000 {
        let claim = house.choose(&Ask::new(MODEL));
        *counts.entry(claim.credential()).or_default() += 1;
        // A third of its calls fail: too few for a circuit.
        let fails = claim.credential() == id(0) && house.draw.below(3) == 0;
        let error = judged(Blame::Key, Lasts::Moment, Trouble::Failed);
        claim.report(&if fails { failed(&error) } else { succeeded(Duration::from_millis(100)) }, house.now);
        house.advance(Duration::from_millis(10));
    }
    assert!(counts[&id(0)] < 3_000, "{counts:?}");
    assert!(counts[&id(0)] > 0, "it must be able to show that it works again");
}

#[test]
fn k05_a_failure_is_not_a_fast_answer() {
    let mut house = House::even(Strategy::Latency, 3, 5);
    let mut counts: HashMap<_, u32> = HashMap::new();
    for call in 0..3_000 {
        let claim = house.choose(&Ask::new(MODEL));
        *counts.entry(claim.credential()).or_default() += 1;
        // Every third of its calls is refused within a moment: too few for a circuit.
        let fails = claim.credential() == id(0) && call % 3 == 0;
        let error = judged(Blame::Key, Lasts::Moment, Trouble::Failed);
        claim.report(&if fails { failed(&error) } else { succeeded(Duration::from_millis(300)) }, house.now);
        house.advance(Duration::from_millis(10));
    }
    assert!(counts[&id(0)] < 300, "{counts:?}");
}

#[test]
fn k05_cost_optimized_finds_the_cheapest_tokens() {
    let mut house = House::even(Strategy::CostOptimized, 3, 5);
    let mut counts: HashMap<_, u32> = HashMap::new();
    for _ in 0..3_000 {
        let claim = house.choose(&Ask::new(MODEL));
        *counts.entry(claim.credential()).or_default() += 1;
        let cost = if claim.credential() == id(1) { 0 } else { 150_000 };
        let outcome = Outcome::Succeeded {
            first_content: Some(Duration::from_millis(100)),
            tokens: 1_000,
            cost: keyward_domain::money::Nanodollars(cost),
            cause: crate::house::cause(200),
        };
        claim.report(&outcome, house.now);
    }
    // The free one wins whenever it is one of the two that are drawn.
    assert!(counts[&id(1)] > 1_800, "{counts:?}");
}

#[test]
fn k05_lower_tiers_go_first() {
    let tiers: Vec<Member> =
        (0..6).map(|number| member(number, KeyTerms { tier: u8::from(number < 3), ..KeyTerms::default() })).collect();
    for strategy in Strategy::ALL {
        let mut house = House::new(strategy, tiers.clone(), 5);
        let counts = traffic(&mut house, 1_000, true);
        assert!(["k0", "k1", "k2"].iter().all(|key| !counts.contains_key(*key)), "{strategy:?}: {counts:?}");
        for number in 3..6 {
            house.fail(number, &judged(Blame::Key, Lasts::Human, Trouble::Rejected));
        }
        let counts = traffic(&mut house, 1_000, true);
        assert!(counts.contains_key("k0") && !counts.contains_key("k3"), "{strategy:?}: {counts:?}");
    }
}

#[test]
fn k05_a_simulation_shares_alike_and_touches_nothing() {
    let house = House::new(Strategy::Single, vec![weighted(0, 1), weighted(1, 3)], 5);
    let ask = Ask::new(MODEL);
    for (strategy, percents) in [
        (Strategy::Weighted, [25, 75]),
        (Strategy::Adaptive, [25, 75]),
        (Strategy::RoundRobin, [50, 50]),
        (Strategy::Single, [100, 0]),
    ] {
        let simulation = house.pool.simulate(&ask, strategy, 10_000, house.now, 5);
        for (share, percent) in simulation.shares.iter().zip(percents) {
            assert!(share.permille.abs_diff(percent * 10) <= 20, "{simulation:?}");
        }
        assert_eq!(simulation, house.pool.simulate(&ask, strategy, 10_000, house.now, 5));
    }
    assert!(house.pool.keys(house.now).iter().all(|view| view.requests == 0 && view.in_flight == 0));
}
