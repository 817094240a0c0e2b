//! Limits that an operator sets for a key: looked at all together, taken before the call, settled after it.

use std::time::Duration;

use keyward_domain::judgement::{Blame, Lasts, Trouble};
use keyward_domain::money::Nanodollars;
use keyward_domain::routing::{KeyLimits, KeyTerms, Strategy};
use keyward_pool::{Ask, Draw, Outcome, Why};

use crate::house::{House, MODEL, START_MS, cause, member};

fn house(limits: KeyLimits) -> House {
    House::new(Strategy::Single, vec![member(0, KeyTerms { limits, ..KeyTerms::default() })], 1)
}

fn used(tokens: u64, cost: i64) -> Outcome<'static> {
    Outcome::Succeeded {
        first_content: Some(Duration::from_millis(1)),
        tokens,
        cost: Nanodollars(cost),
        cause: cause(200),
    }
}

#[test]
fn a_limit_admits_exactly_so_many() {
    let mut house = house(KeyLimits { rpm: Some(100), ..KeyLimits::default() });
    let served = (0..1_000).filter(|_| house.try_choose(&Ask::new(MODEL)).is_ok()).count();
    assert_eq!(served, 100);
}

#[test]
fn no_minute_ever_holds_more_than_the_limit() {
    for seed in 0..5 {
        let mut house = house(KeyLimits { rpm: Some(60), tpm: Some(6_000), ..KeyLimits::default() });
        house.draw = Draw::seeded(seed);
        let mut sent: Vec<(Duration, u64)> = Vec::new();
        for _ in 0..20_000 {
            let tokens = house.draw.below(400);
            if house.try_choose(&Ask { input_tokens: tokens, ..Ask::new(MODEL) }).is_ok() {
                sent.push((house.now.monotonic, tokens));
            }
            let pause = house.draw.below(200) * house.draw.below(3);
            house.advance(Duration::from_millis(pause));
        }
        for (index, (at, _)) in sent.iter().enumerate() {
            let minute =
                sent[index..].iter().take_while(|(later, _)| later.saturating_sub(*at) < Duration::from_mins(1));
            let (calls, tokens) = minute.fold((0, 0), |(calls, sum), (_, tokens)| (calls + 1, sum + tokens));
            assert!(calls <= 60 && tokens <= 6_000, "seed {seed}: {calls} calls, {tokens} tokens in a minute");
        }
        assert!(sent.len() > 1_000, "seed {seed}: {} sent", sent.len());
    }
}

#[test]
fn several_threads_do_not_exceed_a_limit() {
    let house = house(KeyLimits { rpm: Some(1_000), rpd: Some(5_000), ..KeyLimits::default() });
    let served: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|seed| {
                let house = &house;
                scope.spawn(move || {
                    let mut draw = Draw::seeded(seed);
                    (0..2_000).filter(|_| house.pool.choose(&Ask::new(MODEL), house.now, &mut draw).is_ok()).count()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert!((990..=1_000).contains(&served), "{served}");
}

#[test]
fn a_refused_call_changes_no_counter() {
    let mut house = house(KeyLimits { rpm: Some(10), tpm: Some(100), ..KeyLimits::default() });
    house.choose(&Ask { input_tokens: 1, ..Ask::new(MODEL) }).report(&used(1, 0), house.now);
    // Too many tokens: refused before or after its request was counted, it must not count.
    for _ in 0..50 {
        assert!(house.try_choose(&Ask { input_tokens: 100, ..Ask::new(MODEL) }).is_err());
    }
    let served = (0..50).filter(|_| house.try_choose(&Ask { input_tokens: 10, ..Ask::new(MODEL) }).is_ok()).count();
    assert_eq!(served, 9);
    let nothing = house.try_choose(&Ask { input_tokens: 101, ..Ask::new(MODEL) }).unwrap_err();
    assert_eq!(nothing.keys[0].why, Why::Limit { limit: "rpm" });
}

#[test]
fn refused_calls_leave_no_trace_in_the_minute_nor_in_flight() {
    let mut house = house(KeyLimits { rpm: Some(10), rpd: Some(1_000), ..KeyLimits::default() });
    let served = |house: &mut House| (0..100).filter(|_| house.try_choose(&Ask::new(MODEL)).is_ok()).count();
    assert_eq!(served(&mut house), 10);
    house.advance(Duration::from_secs(30));
    assert_eq!(served(&mut house), 0);
    assert_eq!(house.view(0).in_flight, 0);
    house.advance(Duration::from_secs(37));
    assert_eq!(served(&mut house), 10, "what was refused half a minute ago does not count");
}

#[test]
fn a_failed_call_is_settled_too() {
    let mut house = house(KeyLimits { tpm: Some(1_000), ..KeyLimits::default() });
    let ask = Ask { input_tokens: 900, ..Ask::new(MODEL) };
    for _ in 0..20 {
        let error = crate::house::judged(Blame::Provider, Lasts::Moment, Trouble::ContextTooLong);
        house.choose(&Ask { is_alone: true, ..ask }).report(&crate::house::failed(&error), house.now);
    }
}

#[test]
fn estimates_are_reserved_and_the_truth_is_settled() {
    let mut house = house(KeyLimits { tpm: Some(1_000), ..KeyLimits::default() });
    let ask = Ask { input_tokens: 600, ..Ask::new(MODEL) };
    let first = house.choose(&ask);
    let nothing = house.try_choose(&ask).unwrap_err();
    assert_eq!(nothing.keys[0].why, Why::Limit { limit: "tpm" });
    first.report(&used(100, 0), house.now);
    let second = house.choose(&ask);
    second.report(&Outcome::Neutral, house.now);
    let third = house.choose(&Ask { input_tokens: 900, ..Ask::new(MODEL) });
    // More than was estimated is owed.
    third.report(&used(1_500, 0), house.now);
    assert!(house.try_choose(&Ask { input_tokens: 1, ..Ask::new(MODEL) }).is_err());
    house.advance(Duration::from_secs(66));
    house.choose(&Ask { input_tokens: 1_000, ..Ask::new(MODEL) }).report(&Outcome::Neutral, house.now);
}

#[test]
fn a_call_that_is_larger_than_the_limit_waits_for_an_empty_window() {
    let mut house = house(KeyLimits { tpm: Some(1_000), ..KeyLimits::default() });
    let huge = Ask { input_tokens: 40_000, output_tokens: 5_000, ..Ask::new(MODEL) };
    house.choose(&Ask { input_tokens: 10, ..Ask::new(MODEL) }).report(&used(10, 0), house.now);
    let nothing = house.try_choose(&huge).unwrap_err();
    assert_eq!(nothing.keys[0].why, Why::Limit { limit: "tpm" });
    let back = nothing.back.expect("an empty window lets it through");
    house.advance(back.since(house.now.wall));
    let claim = house.choose(&huge);
    assert!(house.try_choose(&Ask { input_tokens: 1, ..Ask::new(MODEL) }).is_err(), "it has all of the window");
    claim.report(&used(200, 0), house.now);
    house.choose(&Ask { input_tokens: 800, ..Ask::new(MODEL) }).report(&used(800, 0), house.now);
    assert!(house.try_choose(&Ask { input_tokens: 1, ..Ask::new(MODEL) }).is_err(), "the truth was settled");
}

#[test]
fn a_limit_of_nothing_lets_nothing_through() {
    let mut house = house(KeyLimits { tpm: Some(0), ..KeyLimits::default() });
    let nothing = house.try_choose(&Ask { input_tokens: 1, ..Ask::new(MODEL) }).unwrap_err();
    assert!(!nothing.is_resting(), "no waiting helps: {nothing:?}");
}

#[test]
fn a_call_can_be_abandoned_where_there_is_no_clock() {
    let mut house = house(KeyLimits { tpm: Some(1_000), concurrency: Some(1), ..KeyLimits::default() });
    house.choose(&Ask { input_tokens: 1_000, ..Ask::new(MODEL) }).abandon(300, Nanodollars::ZERO);
    assert_eq!((house.view(0).in_flight, house.view(0).requests), (0, 0));
    drop(house.choose(&Ask { input_tokens: 700, ..Ask::new(MODEL) }));
    assert!(house.try_choose(&Ask { input_tokens: 1, ..Ask::new(MODEL) }).is_err(), "300 were used and 700 taken");
}

#[test]
fn the_cost_of_a_day_is_limited_by_estimate_and_settled() {
    let mut house = house(KeyLimits { daily_cost: Some(Nanodollars(1_000_000)), ..KeyLimits::default() });
    let ask = Ask { cost: Nanodollars(400_000), ..Ask::new(MODEL) };
    let under_way: Vec<_> = (0..2).map(|_| house.choose(&ask)).collect();
    assert!(house.try_choose(&ask).is_err(), "three estimates are above the limit");
    for claim in under_way {
        claim.report(&used(10, 100_000), house.now);
    }
    assert_eq!(
        (0..10).filter(|_| house.try_choose(&ask).is_ok()).count(),
        2,
        "0.2 of 1.0 is spent; what is dropped stays"
    );
    let nothing = house.try_choose(&ask).unwrap_err();
    assert_eq!(
        nothing.back.map(keyward_domain::time::Timestamp::unix_millis),
        Some(START_MS + 86_400_000),
        "the next UTC day"
    );
}

#[test]
fn what_was_used_today_survives_a_restart() {
    let mut house = house(KeyLimits { rpd: Some(10), ..KeyLimits::default() });
    house.registry.restore_day(crate::house::id(0), 7, Nanodollars(5), house.now);
    assert_eq!((0..10).filter(|_| house.try_choose(&Ask::new(MODEL)).is_ok()).count(), 3);
}
