//! Which keys serve which model: what operators allow, and what keys were seen to offer. And keys whose time is over.

use std::time::Duration;

use keyward_domain::judgement::{Blame, Lasts, Trouble};
use keyward_domain::routing::{KeyTerms, Strategy};
use keyward_pool::{Ask, Member, Why};

use crate::house::{House, MODEL, failed, id, judged, member};

fn for_models(number: u32, allowed: &[&str], offered: &[&str]) -> Member {
    let models = allowed.iter().map(|model| (*model).to_owned()).collect();
    let offered = offered.iter().map(|model| (*model).to_owned()).collect();
    Member { models: offered, ..member(number, KeyTerms { models, ..KeyTerms::default() }) }
}

fn keys_for(house: &mut House, model: &str) -> Vec<u32> {
    let mut keys: Vec<u32> = (0..200)
        .filter_map(|_| house.try_choose(&Ask::new(model)).ok())
        .map(|claim| u32::try_from(claim.credential().bits() & 0xFF).unwrap())
        .collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

#[test]
fn keys_serve_the_models_that_they_are_allowed_and_seen_to_offer() {
    let members = vec![
        for_models(0, &["gpt-4o*"], &[]),
        for_models(1, &[], &["gpt-4o", "o3"]),
        for_models(2, &["o*"], &["o3", "o4"]),
        for_models(3, &[], &[]),
    ];
    let mut house = House::new(Strategy::Random, members, 1);
    assert_eq!(keys_for(&mut house, "gpt-4o"), [0, 1, 3]);
    assert_eq!(keys_for(&mut house, "o3"), [1, 2, 3]);
    assert_eq!(keys_for(&mut house, "o4"), [2, 3]);
    // No list has it: an alias perhaps, so every key that is allowed may try.
    assert_eq!(keys_for(&mut house, "gpt-4o-latest"), [0, 1, 3]);
    assert_eq!(keys_for(&mut house, "claude"), [1, 3]);
}

#[test]
fn a_model_that_nobody_may_serve_is_named_as_the_reason() {
    let mut house = House::new(Strategy::Adaptive, vec![for_models(0, &["gpt-*"], &[])], 1);
    let nothing = house.try_choose(&Ask::new("claude")).unwrap_err();
    assert_eq!(nothing.keys[0].why, Why::NotForModel);
    assert!(!nothing.is_resting());
    assert_eq!(nothing.to_string(), "no usable key: k0: not for this model");
}

#[test]
fn an_expired_key_is_not_used_from_its_moment_on() {
    for strategy in Strategy::ALL {
        let mut house = House::even(strategy, 2, 1);
        let expires_at = Some(house.now.wall.plus(Duration::from_secs(10)));
        house.rebuild(vec![member(0, KeyTerms { expires_at, ..KeyTerms::default() }), member(1, KeyTerms::default())]);
        assert!(house.serve(1_000).contains_key("k0"), "{strategy:?}");
        house.advance(Duration::from_secs(10));
        assert!(!house.serve(1_000).contains_key("k0"), "{strategy:?}");
        let nothing = house.try_choose(&Ask { tried: &[id(1)], ..Ask::new(MODEL) }).unwrap_err();
        assert_eq!(nothing.keys[0].why, Why::Expired);
    }
}

#[test]
fn a_model_that_is_overloaded_rests_for_all_keys_and_others_do_not() {
    let mut house = House::even(Strategy::RoundRobin, 4, 1);
    let busy = judged(Blame::Model, Lasts::Moment, Trouble::Overloaded);
    for _ in 0..5 {
        house.choose(&Ask::new(MODEL)).report(&failed(&busy), house.now);
    }
    assert_eq!(house.try_choose(&Ask::new(MODEL)).unwrap_err().whole, Some(Why::ModelRests));
    assert_eq!(keys_for(&mut house, "another"), [0, 1, 2, 3]);
    house.advance(Duration::from_secs(2));
    let canary = house.choose(&Ask::new(MODEL));
    assert!(canary.is_canary() && house.try_choose(&Ask::new(MODEL)).is_err());
    canary.report(&failed(&busy), house.now);
    assert!(house.try_choose(&Ask::new(MODEL)).is_err());
}
