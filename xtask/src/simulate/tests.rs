use keyward_domain::routing::Strategy;

use super::day::Day;
use super::providers::Why;
use super::{compare, verdict};

/// Two hours that hold all that happens in a day, in a few seconds.
#[test]
fn k05_simulation_adaptive_is_as_good_as_every_other_strategy() {
    let compared = compare(Day::of_hours(2), 1, &Strategy::ALL);
    assert_eq!(verdict::shortfalls(&compared), Vec::<String>::new(), "seed 1\n{}", compared.table());
    assert_eq!(compared.tallies.len(), 9);
    assert!(compared.tallies.iter().all(|tally| tally.served > 20_000), "{}", compared.table());
    // Everything that goes wrong did, or the comparison says nothing.
    let adaptive = &compared.tallies[0];
    for why in [Why::Outage, Why::Blip, Why::Revoked, Why::Unpaid, Why::Forbidden, Why::KeyFails] {
        assert!(adaptive.wasted.contains_key(&why), "{why:?}: {}", adaptive.reasons());
    }
}

#[test]
fn k05_simulation_adaptive_is_better_than_chance_where_it_says_so() {
    let compared = compare(Day::of_hours(2), 2, &[Strategy::Adaptive, Strategy::Random]);
    let [adaptive, random] = compared.tallies.as_slice() else { panic!("two strategies") };
    let table = compared.table();
    assert!(adaptive.cached * 100 > random.cached * 115, "{table}");
    assert!(adaptive.cost_nanodollars < random.cost_nanodollars, "{table}");
    assert!(adaptive.p99_wait() < random.p99_wait(), "{table}");
    assert!(adaptive.waste() < random.waste(), "{table}");
}

#[test]
fn k05_simulation_the_same_seed_makes_the_same_day() {
    let run = |seed| compare(Day::of_hours(1), seed, &[Strategy::Adaptive]).table().to_string();
    assert_eq!(run(3), run(3));
    assert_ne!(run(3), run(4));
}
