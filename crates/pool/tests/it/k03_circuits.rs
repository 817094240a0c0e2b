//! K03: neither too eager nor for ever.

use std::time::Duration;

use keyward_domain::credential::CredentialState;
use keyward_domain::judgement::{Blame, Lasts, Trouble};
use keyward_domain::routing::{KeyTerms, Strategy};
use keyward_domain::standing::{Cause, Standing};
use keyward_pool::{Ask, Why};

use crate::house::{House, MODEL, failed, id, judged, member, succeeded};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn k03_one_error_in_a_thousand_benches_nobody() {
    for blame in [Blame::Key, Blame::Account, Blame::ModelOnKey, Blame::Model, Blame::Provider, Blame::Network] {
        let mut house = House::even(Strategy::Adaptive, 4, 3);
        let error = judged(blame, Lasts::Moment, Trouble::Failed);
        for call in 0..20_000_u32 {
            let claim = house.choose(&Ask::new(MODEL));
            let outcome = if call % 1_000 == 500 { failed(&error) } else { succeeded(Duration::from_millis(100)) };
            claim.report(&outcome, house.now);
            house.advance(Duration::from_millis(20));
        }
        assert!(house.events().is_empty(), "{blame:?}: {:?}", house.events());
        assert!(house.pool.keys(house.now).iter().all(|view| view.requests > 3_000), "{blame:?}");
    }
}

#[test]
fn k03_five_failures_in_a_row_open_a_circuit_and_rests_double_up_to_a_minute() {
    let mut house = House::even(Strategy::RoundRobin, 4, 3);
    let error = judged(Blame::Key, Lasts::Moment, Trouble::Failed);
    (0..4).for_each(|_| house.fail(0, &error));
    assert_eq!(house.standing(0), Standing::Active);
    house.fail(0, &error);

    let mut rests = Vec::new();
    for _ in 0..9 {
        let Standing::Cooling { until } = house.standing(0) else { panic!("{:?}", house.view(0)) };
        let rest = until.since(house.now.wall);
        rests.push(rest);
        // Nothing goes there while it rests; then exactly one canary, and it fails.
        house.advance(rest.checked_sub(Duration::from_millis(1)).unwrap());
        assert!(!house.serve(40).contains_key("k0"));
        house.advance(Duration::from_millis(1));
        let canary = house.choose(&Ask::new(MODEL));
        assert_eq!((canary.credential(), canary.is_canary()), (id(0), true));
        assert!(!house.serve(40).contains_key("k0"), "a second canary");
        canary.report(&failed(&error), house.now);
    }
    for (rest, seconds) in rests.iter().zip([1, 2, 4, 8, 16, 32, 60, 60, 60]) {
        let least = Duration::from_secs(seconds);
        assert!((least..=least * 6 / 5).contains(rest), "{rests:?}");
    }
}

#[test]
fn k03_half_of_twenty_calls_open_a_circuit() {
    let mut house = House::even(Strategy::RoundRobin, 3, 3);
    let error = judged(Blame::Key, Lasts::Moment, Trouble::Failed);
    for call in 0..20 {
        assert_eq!(house.standing(0), Standing::Active, "after {call}");
        let others = [id(1), id(2)];
        let claim = house.choose(&Ask { tried: &others, ..Ask::new(MODEL) });
        let outcome = if call % 2 == 1 { failed(&error) } else { succeeded(SECOND) };
        claim.report(&outcome, house.now);
        house.advance(SECOND / 2);
    }
    assert_eq!(house.standing(0).as_str(), "cooling");
}

#[test]
fn k03_old_failures_are_forgotten() {
    let mut house = House::even(Strategy::RoundRobin, 3, 3);
    let error = judged(Blame::Key, Lasts::Moment, Trouble::Failed);
    for _ in 0..60 {
        house.fail(0, &error);
        let claim = house.choose(&Ask { tried: &[id(1), id(2)], ..Ask::new(MODEL) });
        claim.report(&succeeded(SECOND), house.now);
        // Two calls in three seconds: never twenty in thirty.
        house.advance(SECOND * 4);
    }
    assert_eq!(house.standing(0), Standing::Active);
}

#[test]
fn k03_failures_from_before_a_pause_are_forgotten() {
    let mut house = House::even(Strategy::RoundRobin, 3, 3);
    let error = judged(Blame::Key, Lasts::Moment, Trouble::Failed);
    let others = [id(1), id(2)];
    for _ in 0..2 {
        for call in 0..19 {
            let claim = house.choose(&Ask { tried: &others, ..Ask::new(MODEL) });
            claim.report(&if call % 2 == 0 { failed(&error) } else { succeeded(SECOND) }, house.now);
        }
        house.advance(SECOND * 40);
    }
    assert!(house.events().is_empty());
}

#[test]
fn k03_what_flaps_rests_longer_until_it_has_held_for_a_minute() {
    let mut house = House::even(Strategy::RoundRobin, 4, 3);
    let error = judged(Blame::Key, Lasts::Moment, Trouble::Failed);
    let mut rests = Vec::new();
    for holds in [1, 1, 1, 61, 1] {
        (0..5).for_each(|_| house.fail(0, &error));
        let Standing::Cooling { until } = house.standing(0) else { panic!("{:?}", house.view(0)) };
        rests.push(until.since(house.now.wall).as_secs());
        house.advance(SECOND * 10);
        let canary = house.choose(&Ask::new(MODEL));
        assert!(canary.is_canary());
        canary.report(&succeeded(SECOND), house.now);
        assert_eq!(house.standing(0), Standing::Active);
        house.advance(SECOND * holds);
    }
    assert_eq!(rests[..3], [1, 2, 4]);
    assert!((8..=9).contains(&rests[3]), "{rests:?}");
    assert_eq!(rests[4], 1, "{rests:?}");
}

#[test]
fn k03_a_key_that_heals_is_back_within_one_rest_and_costs_at_most_one_call() {
    for strategy in Strategy::ALL {
        let mut house = House::even(strategy, 4, 33);
        let error = judged(Blame::Key, Lasts::Moment, Trouble::Failed);
        let heals = house.now.wall.plus(Duration::from_mins(5));
        let mut failures_after = 0;
        let mut back_after = None;
        // Ten calls a second; the key fails for five minutes.
        while house.now.wall < heals.plus(Duration::from_mins(2)) {
            let mut tried = Vec::new();
            loop {
                let affinity = Some(house.draw.number());
                let claim = house.choose(&Ask { tried: &tried, affinity, ..Ask::new(MODEL) });
                let is_bad = claim.credential() == id(0) && house.now.wall < heals;
                let is_back = claim.credential() == id(0) && !is_bad;
                tried.push(claim.credential());
                claim.report(&if is_bad { failed(&error) } else { succeeded(SECOND / 5) }, house.now);
                if !is_bad {
                    failures_after += u32::from(tried.len() > 2);
                    if is_back && back_after.is_none() {
                        back_after = Some(house.now.wall.since(heals));
                    }
                    break;
                }
            }
            house.advance(SECOND / 10);
        }
        // No longer than the longest rest with its jitter.
        assert!(back_after.is_some_and(|after| after <= SECOND * 73), "{strategy:?}: {back_after:?}");
        assert_eq!(failures_after, 0, "{strategy:?}: a call was tried more than twice");
        assert_eq!(house.standing(0), Standing::Active, "{strategy:?}");
    }
}

#[test]
fn k03_a_key_that_is_back_gets_its_share_back_ramped() {
    for strategy in Strategy::ALL.into_iter().filter(|strategy| *strategy != Strategy::Single) {
        let mut house = House::even(strategy, 4, 333);
        let rest = judged(Blame::Key, Lasts::Until(house.now.wall.plus(SECOND * 30)), Trouble::RateLimited);
        house.fail(0, &rest);
        house.serve_spaced(3_000, Duration::from_millis(10));
        let mut shares = Vec::new();
        // Slices of two seconds with a thousand calls each, some of them under way for long.
        for _ in 0..20 {
            let mut under_way = std::collections::VecDeque::new();
            let mut own = 0;
            for _ in 0..1_000 {
                let conversation = Some(house.draw.number());
                let claim = house.choose(&Ask { affinity: conversation, ..Ask::new(MODEL) });
                own += u32::from(claim.credential() == id(0));
                under_way.push_back(claim);
                if under_way.len() > 40 {
                    under_way.pop_front().unwrap().report(&succeeded(Duration::from_millis(80)), house.now);
                }
                house.advance(Duration::from_millis(2));
            }
            shares.push(own);
        }
        assert!(shares.iter().all(|share| *share <= 375), "{strategy:?}: above 1.5 x 250: {shares:?}");
        assert!(shares[0] <= 60 && shares[4] > shares[0] && shares[4] <= 200, "{strategy:?}: no ramp: {shares:?}");
        let late: u32 = shares[12..].iter().sum();
        assert!((1_600..=2_400).contains(&late), "{strategy:?}: not back: {shares:?}");
    }
}

#[test]
fn k03_a_later_longer_cooldown_wins_and_a_shorter_one_does_not() {
    let mut house = House::even(Strategy::RoundRobin, 3, 3);
    let until = |seconds| house.now.wall.plus(SECOND * seconds);
    let (short, long) = (until(10), until(60));
    // Three calls are under way when the first answer comes.
    let claims: Vec<_> = (0..3).map(|_| house.choose(&Ask { tried: &[id(1), id(2)], ..Ask::new(MODEL) })).collect();
    for (claim, (told, wanted)) in claims.into_iter().zip([(short, short), (long, long), (short, long)]) {
        let limited = judged(Blame::Key, Lasts::Until(told), Trouble::RateLimited);
        claim.report(&failed(&limited), house.now);
        assert_eq!(house.standing(0), Standing::Cooling { until: wanted });
    }
    assert_eq!(house.events().len(), 2);
    house.advance(SECOND * 59);
    assert!(!house.serve(60).contains_key("k0"));
    house.advance(SECOND);
    assert!(house.serve(600).contains_key("k0"), "as said, not multiplied");
    let last = house.events().pop().unwrap();
    assert_eq!((last.now.standing, last.now.cause), (Standing::Active, Cause::Time));
}

#[test]
fn k03_a_rest_that_is_over_already_is_none() {
    let mut house = House::even(Strategy::RoundRobin, 3, 3);
    let past = Lasts::Until(house.now.wall.minus(SECOND));
    house.fail(0, &judged(Blame::Key, past, Trouble::RateLimited));
    assert!(house.events().is_empty() && house.standing(0) == Standing::Active);
    assert_eq!(house.serve(30)["k0"], 10);
}

#[test]
fn k03_what_several_answers_say_at_once_is_told_once() {
    for trouble in [Trouble::RateLimited, Trouble::QuotaExhausted, Trouble::Rejected] {
        let mut house = House::even(Strategy::RoundRobin, 3, 3);
        let said = judged(Blame::Key, Lasts::Until(house.now.wall.plus(SECOND * 9)), trouble);
        let claims: Vec<_> = (0..5).map(|_| house.choose(&Ask { tried: &[id(1), id(2)], ..Ask::new(MODEL) })).collect();
        for claim in claims {
            claim.report(&failed(&said), house.now);
        }
        assert_eq!(house.events().len(), 1, "{:?}", house.events());
    }
}

#[test]
fn k03_the_last_usable_key_is_not_benched_for_a_moments_error() {
    for trouble in [Trouble::Failed, Trouble::Overloaded, Trouble::RateLimited] {
        let mut house = House::even(Strategy::Adaptive, 3, 3);
        house.fail(1, &judged(Blame::Key, Lasts::Human, Trouble::Rejected));
        house.fail(2, &judged(Blame::Account, Lasts::Human, Trouble::QuotaExhausted));
        let error = judged(Blame::Key, Lasts::Moment, trouble);
        for _ in 0..100 {
            let claim = house.choose(&Ask::new(MODEL));
            assert_eq!(claim.credential(), id(0));
            claim.report(&failed(&error), house.now);
        }
    }
}

#[test]
fn k03_when_most_keys_fail_none_is_benched() {
    let mut house = House::even(Strategy::RoundRobin, 4, 3);
    let error = judged(Blame::Key, Lasts::Moment, Trouble::RateLimited);
    house.fail(0, &error);
    house.fail(1, &error);
    assert_eq!(house.serve(100).len(), 2, "half of them may rest");
    house.fail(2, &error);
    let held: Vec<_> = (0..8).map(|_| house.choose(&Ask::new(MODEL))).collect();
    let chosen: std::collections::HashSet<_> = held.iter().map(keyward_pool::Claim::credential).collect();
    assert_eq!(chosen.len(), 4, "three of four may not");
}

#[test]
fn k03_an_account_with_many_keys_is_one_reason_to_panic_not_many() {
    let mut members: Vec<_> = (0..8).map(|number| crate::house::in_group(number, "big")).collect();
    members.push(member(8, KeyTerms::default()));
    let mut house = House::new(Strategy::RoundRobin, members, 3);
    house.fail(0, &judged(Blame::Account, Lasts::Moment, Trouble::RateLimited));
    let counts = house.serve(100);
    assert_eq!(counts.keys().collect::<Vec<_>>(), ["k8"], "eight of nine keys rest, one of two accounts");
}

#[test]
fn k03_a_lone_provider_is_not_left_for_a_moments_error_and_others_are() {
    let mut house = House::even(Strategy::Adaptive, 3, 3);
    let down = judged(Blame::Provider, Lasts::Moment, Trouble::Failed);
    for _ in 0..5 {
        house.choose(&Ask::new(MODEL)).report(&failed(&down), house.now);
    }
    let nothing = house.try_choose(&Ask::new(MODEL)).unwrap_err();
    assert_eq!(nothing.whole, Some(Why::ProviderRests));
    assert!(nothing.is_resting());
    assert!(house.events().is_empty(), "no key is to blame");
    let alone = Ask { is_alone: true, ..Ask::new(MODEL) };
    for _ in 0..100 {
        house.choose(&alone).report(&failed(&down), house.now);
    }
    let view = house.pool.provider_view(house.now);
    assert_eq!((view.circuit.phase, view.in_flight, view.models.len()), ("open", 0, 1));
    // Once the rest is over, exactly one canary passes; its success opens the door.
    house.advance(SECOND * 80);
    let everybody = [id(0), id(1), id(2)];
    assert!(house.try_choose(&Ask { tried: &everybody, ..Ask::new(MODEL) }).is_err(), "a canary without a key is none");
    let canary = house.choose(&Ask::new(MODEL));
    assert!(canary.is_canary());
    assert!(house.try_choose(&Ask::new(MODEL)).is_err());
    canary.report(&succeeded(SECOND), house.now);
    house.serve(100);
}

#[test]
fn k03_what_a_provider_asks_for_holds_even_when_it_is_alone() {
    let mut house = House::even(Strategy::Adaptive, 3, 3);
    let until = house.now.wall.plus(SECOND * 7);
    let busy = judged(Blame::Provider, Lasts::Until(until), Trouble::Overloaded);
    house.choose(&Ask::new(MODEL)).report(&failed(&busy), house.now);
    let nothing = house.try_choose(&Ask { is_alone: true, ..Ask::new(MODEL) }).unwrap_err();
    assert_eq!(nothing.back, Some(until));
    house.advance(SECOND * 7);
    house.serve(10);
}

#[test]
fn k03_calls_from_before_a_circuit_opened_neither_close_it_nor_lengthen_its_rest() {
    let mut house = House::even(Strategy::RoundRobin, 4, 3);
    let error = judged(Blame::Key, Lasts::Moment, Trouble::Failed);
    let others = [id(1), id(2), id(3)];
    let only = Ask { tried: &others, ..Ask::new(MODEL) };
    let old: Vec<_> = (0..4).map(|_| house.choose(&only)).collect();
    house.advance(SECOND);
    (0..5).for_each(|_| house.fail(0, &error));
    let told = house.standing(0);
    for (number, claim) in old.into_iter().enumerate() {
        let outcome = if number % 2 == 0 { failed(&error) } else { succeeded(SECOND) };
        claim.report(&outcome, house.now);
        // Now, and once it is half-open.
        house.advance(SECOND);
    }
    assert_eq!((house.standing(0), house.view(0).circuit.phase), (told, "half_open"));
    assert_eq!(house.events().len(), 1);
    house.choose(&Ask::new(MODEL)).report(&succeeded(SECOND), house.now);
    assert_eq!(house.view(0).circuit.phase, "closed");
}

#[test]
fn k03_a_canary_that_is_never_reported_does_not_block() {
    let mut house = House::even(Strategy::RoundRobin, 4, 3);
    let error = judged(Blame::Key, Lasts::Moment, Trouble::RateLimited);
    house.fail(0, &error);
    house.advance(SECOND * 2);
    let dropped = house.choose(&Ask::new(MODEL));
    assert!(dropped.is_canary());
    drop(dropped);
    let held = house.choose(&Ask::new(MODEL));
    assert!(held.is_canary(), "a dropped canary is free again");
    house.advance(SECOND * 61);
    assert!(house.choose(&Ask::new(MODEL)).is_canary(), "one that takes too long is lost");
    drop(held);
}

#[test]
fn k03_a_disabled_key_is_never_chosen() {
    let off = [
        CredentialState::Disabled,
        CredentialState::Pending,
        CredentialState::Suspect,
        CredentialState::Draining,
        CredentialState::Retired,
        CredentialState::Revoked,
    ];
    let mut members: Vec<_> = (0..3).map(|number| member(number, KeyTerms::default())).collect();
    for (number, state) in (3..).zip(off) {
        members.push(keyward_pool::Member { state, ..member(number, KeyTerms::default()) });
    }
    for strategy in Strategy::ALL {
        let mut house = House::new(strategy, members.clone(), 3);
        let rounds = if strategy == Strategy::Adaptive { 1_000_000 } else { 50_000 };
        for _ in 0..rounds {
            let ask = Ask { affinity: Some(house.draw.number()), ..Ask::new(MODEL) };
            let claim = house.choose(&ask);
            assert!(claim.credential() < id(3), "{strategy:?}");
        }
        let nothing = house.try_choose(&Ask { tried: &[id(0), id(1), id(2)], ..Ask::new(MODEL) }).unwrap_err();
        assert!(!nothing.is_resting(), "{nothing}");
        assert_eq!(nothing.keys.len(), 9);
    }
}
