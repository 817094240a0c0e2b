//! Which calls try out whether a key works again, and whose canary is whose.

use std::time::Duration;

use keyward_domain::judgement::{Blame, Lasts, Trouble};
use keyward_domain::routing::{KeyTerms, Strategy};
use keyward_pool::{Ask, Choice, Outcome, Why};

use crate::house::{House, MODEL, cause, failed, id, in_group, judged, member, succeeded};

const SECOND: Duration = Duration::from_secs(1);

/// A house whose first key waits for a canary.
fn half_open() -> House {
    let mut house = House::even(Strategy::RoundRobin, 4, 3);
    house.fail(0, &judged(Blame::Key, Lasts::Moment, Trouble::RateLimited));
    let until = house.view(0).known.and_then(|known| match known.standing {
        keyward_domain::standing::Standing::Cooling { until } => Some(until),
        _ => None,
    });
    house.advance(until.unwrap().since(house.now.wall));
    house
}

#[test]
fn k03_a_call_that_cannot_go_elsewhere_is_no_canary_while_others_serve() {
    let mut house = half_open();
    let last = Ask { is_last: true, ..Ask::new(MODEL) };
    assert!((0..50).all(|_| house.choose(&last).credential() != id(0)));
    assert!(house.choose(&Ask { tried: &[id(1), id(2), id(3)], ..last }).is_canary(), "nobody else is left");
    assert!(house.choose(&Ask::new(MODEL)).is_canary());
    // Where there are no other calls, the key is not left out for ever.
    house.advance(SECOND * 30);
    assert!(house.choose(&last).is_canary());
}

#[test]
fn k03_a_last_call_is_no_canary_of_a_lower_tier_either() {
    let second = |number| member(number, KeyTerms { tier: 1, ..KeyTerms::default() });
    let mut house = House::new(Strategy::RoundRobin, vec![member(0, KeyTerms::default()), second(1), second(2)], 3);
    house.fail(0, &judged(Blame::Key, Lasts::Moment, Trouble::RateLimited));
    house.advance(SECOND * 2);
    let last = Ask { is_last: true, ..Ask::new(MODEL) };
    assert!((0..20).all(|_| house.choose(&last).credential() != id(0)));
}

#[test]
fn k03_calls_without_a_conversation_are_canaries_first() {
    let mut house = half_open();
    let turn = Ask { affinity: Some(5), ..Ask::new(MODEL) };
    assert!((0..50).all(|_| house.choose(&turn).credential() != id(0)));
    assert!(house.choose(&Ask::new(MODEL)).is_canary());
    house.advance(SECOND / 2);
    assert!(house.choose(&turn).is_canary(), "there may be none without");
}

#[test]
fn k03_a_last_call_does_not_try_a_provider_out() {
    let mut house = House::even(Strategy::Adaptive, 3, 3);
    let down = judged(Blame::Provider, Lasts::Moment, Trouble::Failed);
    (0..5).for_each(|_| house.choose(&Ask::new(MODEL)).report(&failed(&down), house.now));
    house.advance(SECOND * 2);
    let last = Ask { is_last: true, ..Ask::new(MODEL) };
    assert_eq!(house.try_choose(&last).unwrap_err().whole, Some(Why::ProviderRests));
    assert!(house.choose(&Ask { is_alone: true, ..last }).is_canary(), "there is nobody else");
    assert!(house.choose(&Ask::new(MODEL)).is_canary());
    house.advance(SECOND * 30);
    assert!(house.choose(&last).is_canary(), "not for ever");
}

#[test]
fn k12_while_a_canary_tries_a_provider_out_explanations_say_so() {
    let mut house = House::even(Strategy::Adaptive, 3, 3);
    let down = judged(Blame::Provider, Lasts::Moment, Trouble::Failed);
    (0..5).for_each(|_| house.choose(&Ask::new(MODEL)).report(&failed(&down), house.now));
    house.advance(SECOND * 2);
    assert!(house.pool.explain(&Ask::new(MODEL), house.now).iter().any(|row| row.choice == Choice::Chosen));
    let canary = house.choose(&Ask::new(MODEL));
    let back = Some(house.now.wall.plus(SECOND));
    let nothing = house.try_choose(&Ask::new(MODEL)).unwrap_err();
    assert_eq!((nothing.whole, nothing.back), (Some(Why::ProviderRests), back));
    let rows = house.pool.explain(&Ask::new(MODEL), house.now);
    assert!(rows.iter().all(|row| row.why == Some(Why::ProviderRests) && row.back == back), "{rows:?}");
    drop(canary);
}

#[test]
fn k03_a_late_canary_does_not_free_the_one_that_took_its_place() {
    let mut house = half_open();
    let late = house.choose(&Ask::new(MODEL));
    assert!(late.is_canary());
    house.advance(SECOND * 61);
    let second = house.choose(&Ask::new(MODEL));
    assert!(second.is_canary());
    drop(late);
    assert!((0..20).all(|_| house.choose(&Ask::new(MODEL)).credential() != id(0)), "two canaries at once");
    drop(second);
    assert!(house.choose(&Ask::new(MODEL)).is_canary());
}

#[test]
fn k03_a_canary_of_the_key_is_free_again_when_the_one_of_its_model_is_out() {
    let mut house = House::even(Strategy::RoundRobin, 4, 3);
    let others = [id(1), id(2), id(3)];
    house.fail(0, &judged(Blame::ModelOnKey, Lasts::Moment, Trouble::RateLimited));
    house.advance(SECOND * 2);
    let of_model = house.choose(&Ask { tried: &others, ..Ask::new(MODEL) });
    assert!(of_model.is_canary());
    let elsewhere = house.choose(&Ask { tried: &others, ..Ask::new("another-model") });
    elsewhere.report(&failed(&judged(Blame::Key, Lasts::Moment, Trouble::RateLimited)), house.now);
    house.advance(SECOND * 2);
    // Both are half-open, and the model's canary is under way.
    assert!((0..20).all(|_| house.choose(&Ask::new(MODEL)).credential() != id(0)));
    let of_key = house.choose(&Ask { tried: &others, ..Ask::new("another-model") });
    assert!(of_key.is_canary());
    drop(of_model);
    assert!((0..20).all(|_| house.choose(&Ask::new(MODEL)).credential() != id(0)), "now the key's is");
    drop(of_key);
    let both = house.choose(&Ask { tried: &others, ..Ask::new(MODEL) });
    assert!(both.is_canary());
    both.report(&succeeded(SECOND), house.now);
    assert_eq!(house.view(0).circuit.phase, "closed");
}

#[test]
fn k03_a_call_that_is_bound_to_an_account_is_served_through_its_circuits() {
    let members = vec![in_group(0, "a"), in_group(1, "a"), in_group(2, "b"), in_group(3, "c"), in_group(4, "d")];
    let mut house = House::new(Strategy::Adaptive, members, 3);
    let account = house.choose(&Ask { tried: &[id(1), id(2), id(3), id(4)], ..Ask::new(MODEL) }).account();
    let pinned = Ask { pin: Some(account), ..Ask::new(MODEL) };
    let error = judged(Blame::Account, Lasts::Moment, Trouble::Overloaded);
    (0..5).for_each(|_| house.choose(&pinned).report(&failed(&error), house.now));
    house.fail(2, &judged(Blame::Key, Lasts::Moment, Trouble::RateLimited));
    assert!((0..50).all(|_| house.choose(&Ask::new(MODEL)).credential() > id(2)), "their circuits are open");
    let rows = house.pool.explain(&pinned, house.now);
    for _ in 0..20 {
        let claim = house.choose(&pinned);
        assert_eq!(claim.account(), account);
        claim.report(&failed(&error), house.now);
    }
    assert!(rows.iter().filter(|row| row.account == account).all(|row| row.why.is_none()), "{rows:?}");
    // What somebody said still holds.
    let until = house.now.wall.plus(SECOND * 9);
    house
        .choose(&pinned)
        .report(&failed(&judged(Blame::Account, Lasts::Until(until), Trouble::RateLimited)), house.now);
    assert_eq!(house.try_choose(&pinned).unwrap_err().back, Some(until));
}

#[test]
fn k03_a_success_of_unknown_speed_closes_a_circuit_and_teaches_no_speed() {
    let mut house = half_open();
    let canary = house.choose(&Ask::new(MODEL));
    let cost = keyward_domain::money::Nanodollars(5);
    canary.report(&Outcome::Succeeded { first_content: None, tokens: 9, cost, cause: cause(200) }, house.now);
    let view = house.view(0);
    assert_eq!((view.circuit.phase, view.requests, view.latency), ("closed", 2, None));
    assert_eq!(house.pool.typical_latency(MODEL, house.now), None);
}
