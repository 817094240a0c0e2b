//! K06: headers steer traffic away before the 429.

use std::time::Duration;

use keyward_domain::quota::{Meter, Metered, Quota};
use keyward_domain::routing::Strategy;
use keyward_domain::time::Timestamp;
use keyward_pool::{Ask, Why};

use crate::house::{House, MODEL, id, in_group, succeeded};

fn meter(counts: Metered, remaining: u64, limit: u64, resets: Timestamp) -> Meter {
    let window = Some(Duration::from_mins(1));
    Meter { counts, window, limit: Some(limit), remaining, resets: Some(resets), is_models: false }
}

fn quota(meters: &[Meter]) -> Quota {
    let mut quota = Quota::default();
    for meter in meters {
        quota.add(*meter);
    }
    quota
}

/// One call to a key whose answer says this.
fn tell(house: &mut House, key: u32, model: &str, meters: &[Meter]) {
    let others: Vec<_> =
        house.pool.keys(house.now).iter().map(|view| view.credential).filter(|one| *one != id(key)).collect();
    let claim = house.choose(&Ask { tried: &others, ..Ask::new(model) });
    assert_eq!(claim.credential(), id(key));
    claim.quota(&quota(meters), house.now);
    claim.report(&succeeded(Duration::from_millis(100)), house.now);
}

#[test]
fn k06_a_key_gets_exactly_what_its_provider_says_is_left() {
    for strategy in Strategy::ALL {
        let mut house = House::even(strategy, 3, 6);
        let resets = house.now.wall.plus(Duration::from_secs(30));
        tell(&mut house, 0, MODEL, &[meter(Metered::Requests, 5, 100, resets)]);
        let counts = house.serve(2_000);
        let own = counts.get("k0").copied().unwrap_or(0);
        assert!(own <= 5, "{strategy:?}: {counts:?}");
        if strategy == Strategy::RoundRobin {
            assert_eq!(own, 5, "what is left is used");
        }
        house.advance(Duration::from_secs(30));
        assert!(house.serve(300).get("k0").is_some_and(|own| *own >= 20), "{strategy:?}: full again at the reset");
    }
}

#[test]
fn k06_every_meter_counts_for_itself() {
    for counts in [Metered::Tokens, Metered::InputTokens, Metered::OutputTokens] {
        let mut house = House::even(Strategy::RoundRobin, 2, 6);
        let resets = house.now.wall.plus(Duration::from_secs(30));
        let meters = [meter(Metered::Requests, 100, 100, resets), meter(counts, 1_000, 10_000, resets)];
        tell(&mut house, 0, MODEL, &meters);
        let sized = |tokens| match counts {
            Metered::OutputTokens => Ask { output_tokens: tokens, ..Ask::new(MODEL) },
            _ => Ask { input_tokens: tokens, ..Ask::new(MODEL) },
        };
        let (small, big) = (sized(400), sized(2_000));
        let mut own = 0;
        for turn in 0..40 {
            let ask = if turn % 4 < 2 { &big } else { &small };
            let claim = house.choose(ask);
            own += u32::from(claim.credential() == id(0));
            assert!(claim.credential() != id(0) || *ask == small, "{counts:?}");
            claim.report(&succeeded(Duration::from_millis(100)), house.now);
        }
        assert_eq!(own, 2, "{counts:?}: 1,000 tokens are two calls of 400");
    }
}

#[test]
fn k06_a_models_meter_counts_for_that_model_alone() {
    let mut house = House::even(Strategy::RoundRobin, 2, 6);
    let resets = house.now.wall.plus(Duration::from_secs(30));
    let own = Meter { is_models: true, ..meter(Metered::Requests, 0, 100, resets) };
    tell(&mut house, 0, MODEL, &[own]);
    assert!(!house.serve(100).contains_key("k0"));
    let mut others = 0;
    for _ in 0..100 {
        others += u32::from(house.choose(&Ask::new("another-model")).credential() == id(0));
    }
    assert_eq!(others, 50);
}

#[test]
fn k06_meters_that_are_over_make_room_for_others() {
    let mut house = House::even(Strategy::RoundRobin, 2, 6);
    for window in 1..100 {
        let resets = house.now.wall.plus(Duration::from_secs(10));
        let other = Meter { window: Some(Duration::from_secs(window)), ..meter(Metered::Requests, 90, 100, resets) };
        tell(&mut house, 0, MODEL, &[other]);
        house.advance(Duration::from_secs(2));
    }
    let resets = house.now.wall.plus(Duration::from_secs(30));
    tell(&mut house, 0, MODEL, &[meter(Metered::Tokens, 0, 100, resets)]);
    assert_eq!(house.choose(&Ask { input_tokens: 1, ..Ask::new(MODEL) }).credential(), id(1));
    assert_eq!(house.choose(&Ask { input_tokens: 1, ..Ask::new(MODEL) }).credential(), id(1));
}

#[test]
fn k06_an_account_shares_what_one_key_learns() {
    let mut house = House::new(Strategy::RoundRobin, vec![in_group(0, "a"), in_group(1, "a"), in_group(2, "b")], 6);
    let resets = house.now.wall.plus(Duration::from_secs(30));
    tell(&mut house, 0, MODEL, &[meter(Metered::Requests, 3, 100, resets)]);
    let counts = house.serve(300);
    assert_eq!(counts.get("k0").unwrap_or(&0) + counts.get("k1").unwrap_or(&0), 3, "{counts:?}");
}

#[test]
fn k06_affinity_yields_when_headroom_is_low() {
    let mut house = House::even(Strategy::Adaptive, 4, 6);
    let ask = Ask { affinity: Some(99), ..Ask::new(MODEL) };
    let home = house.choose(&ask).credential();
    let number = (0..4).find(|number| id(*number) == home).unwrap();
    let resets = house.now.wall.plus(Duration::from_secs(30));
    tell(&mut house, number, MODEL, &[meter(Metered::Requests, 40, 1_000, resets)]);
    let second = house.choose(&ask).credential();
    assert_ne!(second, home, "4 % are left");
    for _ in 0..20 {
        assert_eq!(house.choose(&ask).credential(), second, "its second home is always the same");
    }
    house.advance(Duration::from_secs(31));
    assert_eq!(house.choose(&ask).credential(), home);
}

#[test]
fn k06_adaptive_prefers_the_key_with_more_headroom() {
    let mut house = House::even(Strategy::Adaptive, 2, 6);
    let resets = house.now.wall.plus(Duration::from_mins(10));
    tell(&mut house, 0, MODEL, &[meter(Metered::Requests, 20_000, 100_000, resets)]);
    tell(&mut house, 1, MODEL, &[meter(Metered::Requests, 90_000, 100_000, resets)]);
    let counts = house.serve(1_000);
    assert_eq!(counts.get("k1"), Some(&1_000), "{counts:?}");
}

#[test]
fn k06_when_all_are_short_one_is_tried_all_the_same() {
    let mut house = House::even(Strategy::Adaptive, 2, 6);
    let resets = house.now.wall.plus(Duration::from_secs(30));
    for key in 0..2 {
        tell(&mut house, key, MODEL, &[meter(Metered::Requests, 0, 100, resets)]);
    }
    drop(house.choose(&Ask::new(MODEL)));
    let rows = house.pool.explain(&Ask::new(MODEL), house.now);
    assert!(rows.iter().all(|row| row.why == Some(Why::NoHeadroom) && row.back == Some(resets)), "{rows:?}");
}

#[test]
fn k06_what_was_never_sent_is_given_back() {
    let mut house = House::even(Strategy::Single, 1, 6);
    let resets = house.now.wall.plus(Duration::from_secs(30));
    tell(&mut house, 0, MODEL, &[meter(Metered::Requests, 5, 100, resets)]);
    let own = Meter { is_models: true, ..meter(Metered::Tokens, 500, 1_000, resets) };
    tell(&mut house, 0, MODEL, &[own]);
    for _ in 0..100 {
        house.choose(&Ask { input_tokens: 100, ..Ask::new(MODEL) }).report(&keyward_pool::Outcome::Neutral, house.now);
    }
    // The second of the two calls that told was sent, and counts.
    assert_eq!(house.view(0).headroom[0].remaining, 4);
    assert_eq!(house.view(0).models[0].headroom[0].remaining, 500);
}

#[test]
fn k06_an_answer_does_not_hide_what_was_taken_after_its_call() {
    let mut house = House::even(Strategy::Single, 2, 6);
    let resets = house.now.wall.plus(Duration::from_secs(30));
    tell(&mut house, 0, MODEL, &[meter(Metered::Requests, 10, 100, resets)]);
    let mut under_way: Vec<_> = (0..6).map(|_| house.choose(&Ask::new(MODEL))).collect();
    // The provider let the first of them in when 9 were left after it; its answer comes late, those of the others later.
    let first = under_way.remove(0);
    first.quota(&quota(&[meter(Metered::Requests, 9, 100, resets)]), house.now);
    let left = |house: &House| house.view(0).headroom[0].remaining;
    assert_eq!(left(&house), 4, "five more are under way");
    let fifth = under_way.remove(4);
    fifth.quota(&quota(&[meter(Metered::Requests, 4, 100, resets)]), house.now);
    assert_eq!(left(&house), 4);
    under_way.remove(0).quota(&quota(&[meter(Metered::Requests, 8, 100, resets)]), house.now);
    assert_eq!(left(&house), 4, "an older answer that comes later says nothing else");
    let counts = house.serve(10);
    assert_eq!(counts.get("k0"), Some(&4), "{counts:?}");
}

#[test]
fn k06_a_key_that_is_short_is_asked_again_before_its_reset() {
    for (window, asked_after) in [(60, 2), (86_400, 86_400)] {
        let mut house = House::even(Strategy::Single, 2, 6);
        let resets = house.now.wall.plus(Duration::from_secs(window));
        tell(&mut house, 0, MODEL, &[meter(Metered::Requests, 0, 100, resets)]);
        assert_eq!(house.choose(&Ask::new(MODEL)).credential(), id(1));
        // 100 a minute come back bit by bit, and half of that is believed; what counts a day jumps.
        house.advance(Duration::from_secs(asked_after - 1));
        assert_eq!(house.choose(&Ask::new(MODEL)).credential(), id(1), "{window}");
        house.advance(Duration::from_secs(1));
        assert_eq!(house.choose(&Ask::new(MODEL)).credential(), id(0), "{window}");
    }
}

#[test]
fn k06_the_prompt_and_the_answer_count_in_their_own_meters() {
    for (counts, input_tokens, output_tokens, goes) in [
        (Metered::InputTokens, 900, 50_000, true),
        (Metered::OutputTokens, 50_000, 900, true),
        (Metered::InputTokens, 1_100, 0, false),
        (Metered::OutputTokens, 0, 1_100, false),
        (Metered::Tokens, 500, 500, true),
        (Metered::Tokens, 501, 500, false),
    ] {
        let mut house = House::even(Strategy::Single, 2, 6);
        let resets = house.now.wall.plus(Duration::from_secs(30));
        tell(&mut house, 0, MODEL, &[meter(counts, 1_000, 10_000, resets)]);
        let claim = house.choose(&Ask { input_tokens, output_tokens, ..Ask::new(MODEL) });
        assert_eq!(claim.credential() == id(0), goes, "{counts:?}: {input_tokens} in, {output_tokens} out");
    }
}

#[test]
fn k06_what_was_never_sent_does_not_count_against_an_answer_that_is_under_way() {
    let mut house = House::even(Strategy::Single, 1, 6);
    let resets = house.now.wall.plus(Duration::from_secs(30));
    tell(&mut house, 0, MODEL, &[meter(Metered::Requests, 50, 100, resets)]);
    let under_way = house.choose(&Ask::new(MODEL));
    for _ in 0..20 {
        house.choose(&Ask::new(MODEL)).report(&keyward_pool::Outcome::Neutral, house.now);
    }
    under_way.quota(&quota(&[meter(Metered::Requests, 49, 100, resets)]), house.now);
    assert_eq!(house.view(0).headroom[0].remaining, 49);
}

#[test]
fn k06_a_meter_that_several_threads_hear_of_first_is_one_meter() {
    for _ in 0..300 {
        let mut house = House::even(Strategy::Single, 1, 6);
        let resets = house.now.wall.plus(Duration::from_secs(30));
        let told = quota(&[meter(Metered::Requests, 50, 100, resets)]);
        let claims: Vec<_> = (0..4).map(|_| house.choose(&Ask::new(MODEL))).collect();
        let (together, now) = (std::sync::Barrier::new(4), house.now);
        std::thread::scope(|scope| {
            for claim in &claims {
                let (together, told) = (&together, &told);
                scope.spawn(move || {
                    together.wait();
                    claim.quota(told, now);
                });
            }
        });
        assert_eq!(house.view(0).headroom.len(), 1);
    }
}

#[test]
fn k06_a_reset_from_when_the_clock_was_ahead_is_over() {
    let mut house = House::even(Strategy::Single, 2, 6);
    let right = house.now.wall;
    house.now.wall = right.plus(Duration::from_hours(24 * 365));
    let resets = house.now.wall.plus(Duration::from_secs(30));
    tell(&mut house, 0, MODEL, &[meter(Metered::Requests, 0, 100, resets)]);
    assert_eq!(house.choose(&Ask::new(MODEL)).credential(), id(1));
    house.now.wall = right;
    assert_eq!(house.choose(&Ask::new(MODEL)).credential(), id(0));
}
