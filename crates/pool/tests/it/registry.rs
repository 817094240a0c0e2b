//! The living state outlives configurations, and what was known outlives a restart.

use std::time::Duration;

use keyward_domain::judgement::{Blame, Lasts, Trouble};
use keyward_domain::routing::{KeyTerms, Strategy};
use keyward_domain::standing::{Cause, KeyStanding, Standing};
use keyward_pool::{Ask, MAX_MEMBERS, Registry, Settings, Silent};

use crate::house::{House, MODEL, PROVIDER, failed, id, in_group, judged, member, succeeded, weighted};

#[test]
fn what_is_known_of_keys_that_stay_is_kept() {
    let mut house = House::even(Strategy::RoundRobin, 3, 1);
    house.fail(0, &judged(Blame::Key, Lasts::Human, Trouble::Rejected));
    house.serve(100);
    let under_way = house.choose(&Ask::new(MODEL));
    let key = u32::try_from(under_way.credential().bits() & 0xFF).unwrap();
    house.rebuild((0..5).map(|number| weighted(number, 2)).collect());
    assert_eq!(house.standing(0), Standing::Suspect);
    assert_eq!(house.view(key).in_flight, 1);
    assert_eq!(house.view(key).requests, 50);
    // A call of the old configuration teaches the new one.
    under_way.report(&failed(&judged(Blame::Key, Lasts::Human, Trouble::Rejected)), house.now);
    assert_eq!((house.standing(key), house.view(key).in_flight), (Standing::Suspect, 0));
    assert_eq!(house.serve(300).len(), 3);
}

#[test]
fn new_keys_count_as_fast_as_the_middle_one() {
    let mut house = House::even(Strategy::Latency, 3, 1);
    for _ in 0..300 {
        let claim = house.choose(&Ask::new(MODEL));
        let millis = if claim.credential() == id(0) { 900 } else { 300 };
        claim.report(&succeeded(Duration::from_millis(millis)), house.now);
        house.advance(Duration::from_millis(100));
    }
    house.rebuild((0..4).map(|number| weighted(number, 1)).collect());
    house.try_choose(&Ask::new(MODEL)).map(drop).unwrap();
    assert_eq!(house.view(3).models[0].latency_ms, Some(300));
}

#[test]
fn standings_survive_a_restart() {
    let mut house = House::even(Strategy::RoundRobin, 4, 1);
    house.fail(0, &judged(Blame::Key, Lasts::Human, Trouble::Rejected));
    house.fail(1, &judged(Blame::Key, Lasts::Until(house.now.wall.plus(Duration::from_mins(1))), Trouble::RateLimited));
    house.fail(2, &judged(Blame::ModelOnKey, Lasts::Human, Trouble::ModelMissing));
    let kept: Vec<KeyStanding> = house.events().into_iter().map(|event| event.now).collect();

    let registry = Registry::new(Settings::default(), Box::new(Silent));
    registry.restore(kept);
    let members = (0..4).map(|number| member(number, KeyTerms::default())).collect();
    house.pool = registry.pool(PROVIDER, Strategy::RoundRobin, members, house.now);
    assert_eq!(house.serve(100).keys().collect::<Vec<_>>(), ["k3"]);
    assert_eq!(house.choose(&Ask { tried: &[id(3)], ..Ask::new("another") }).credential(), id(2));
    house.advance(Duration::from_mins(1));
    assert_eq!(house.serve(1_000).len(), 2);
    assert_eq!(house.standing(0), Standing::Suspect);
    assert!(matches!(house.view(0).known.unwrap().cause, Cause::Answer { .. }));
}

#[test]
fn rests_of_keys_that_nobody_asks_for_end_in_a_sweep() {
    let mut house = House::even(Strategy::RoundRobin, 3, 1);
    let until = house.now.wall.plus(Duration::from_mins(1));
    house.fail(0, &judged(Blame::Account, Lasts::Until(until), Trouble::QuotaExhausted));
    house.fail(1, &judged(Blame::ModelOnKey, Lasts::Until(until), Trouble::RateLimited));
    house.advance(Duration::from_mins(1));
    house.registry.sweep(house.now);
    house.registry.sweep(house.now);
    let told: Vec<_> = house.events().into_iter().skip(2).collect();
    assert_eq!(told.len(), 2);
    assert!(told.iter().all(|event| event.now.standing == Standing::Active && event.now.cause == Cause::Time));
    assert_eq!(told.iter().filter(|event| event.now.model.as_deref() == Some(MODEL)).count(), 1);
}

#[test]
fn a_flood_of_unknown_models_is_served_and_forgotten() {
    let mut house = House::even(Strategy::Adaptive, 100, 1);
    for number in 0..5_000 {
        let model = format!("made-up-{number}");
        let claim = house.choose(&Ask { affinity: Some(number), ..Ask::new(&model) });
        claim.report(&failed(&judged(Blame::ModelOnKey, Lasts::Human, Trouble::ModelMissing)), house.now);
        house.advance(Duration::from_millis(10));
    }
    house.serve(100);
    assert!(house.pool.keys(house.now).iter().all(|view| view.models.len() <= 1_024));
}

#[test]
fn a_pool_has_a_most_and_says_who_is_left_out() {
    let many = u32::try_from(MAX_MEMBERS).unwrap() + 2;
    let mut house = House::new(Strategy::Random, (0..many).map(|number| weighted(number, 1)).collect(), 1);
    assert_eq!(house.pool.len(), MAX_MEMBERS);
    assert_eq!(house.pool.left_out(), ["k2048", "k2049"]);
    let claim = house.choose(&Ask::new(MODEL));
    assert_eq!(**claim.name(), *format!("k{}", claim.position()));
    assert!(house.serve(30_000).len() > 2_000);
}

#[test]
fn a_pool_without_keys_says_so() {
    let mut house = House::new(Strategy::Adaptive, Vec::new(), 1);
    let nothing = house.try_choose(&Ask::new(MODEL)).unwrap_err();
    assert!(!nothing.is_resting() && nothing.keys.is_empty());
    assert_eq!(nothing.to_string(), "no usable key");
}

#[test]
fn a_provider_that_went_is_forgotten_and_its_calls_end_as_usual() {
    let mut house = House::even(Strategy::RoundRobin, 2, 1);
    house.fail(0, &judged(Blame::Key, Lasts::Human, Trouble::Rejected));
    let claim = house.choose(&Ask::new(MODEL));
    house.registry.forget(PROVIDER);
    assert!(!house.registry.clear(id(0), "ada", house.now));
    claim.report(&succeeded(Duration::from_millis(1)), house.now);
    assert_eq!(house.view(1).in_flight, 0);
    house.rebuild(vec![weighted(0, 1)]);
    assert_eq!(house.standing(0), Standing::Active);
}

#[test]
fn keys_that_went_are_forgotten() {
    let mut house = House::new(Strategy::RoundRobin, vec![in_group(0, "a"), in_group(1, "a")], 1);
    house.fail(0, &judged(Blame::Key, Lasts::Human, Trouble::Rejected));
    house.rebuild(vec![in_group(1, "a")]);
    house.rebuild(vec![in_group(0, "a"), in_group(1, "a")]);
    assert_eq!(house.standing(0), Standing::Active, "removed and added again: a new key");
}
