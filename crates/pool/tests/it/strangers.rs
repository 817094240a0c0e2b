//! A flood of made-up model names leaves nothing behind.

use std::time::Duration;

use allocation_counter::measure;
use keyward_domain::judgement::{Blame, Lasts, Trouble};
use keyward_domain::routing::{KeyTerms, Strategy};
use keyward_domain::standing::Standing;
use keyward_pool::{Ask, Draw, Moment, Registry, Settings, Silent};

use crate::house::{House, PROVIDER, START_MS, failed, id, judged, member, succeeded};

const KEYS: u32 = 50;
const NAMES: u64 = 100_000;
/// For 64 names that are remembered with 50 keys each.
const MOST_BYTES: i64 = 4_000_000;

#[test]
fn a_hundred_thousand_made_up_names_leave_bounded_state_behind() {
    let missing = judged(Blame::ModelOnKey, Lasts::Human, Trouble::ModelMissing);
    let overloaded = judged(Blame::Model, Lasts::Human, Trouble::Overloaded);
    let registry = Registry::new(Settings::default(), Box::new(Silent));
    let mut now = Moment::new(keyward_domain::time::Timestamp::from_unix_millis(START_MS), Duration::from_secs(1_000));
    let members = (0..KEYS).map(|number| member(number, KeyTerms::default())).collect();
    let pool = registry.pool(PROVIDER, Strategy::RoundRobin, members, now);
    let mut draw = Draw::seeded(5);
    let left = measure(|| {
        for number in 0..NAMES {
            let claim = pool.choose(&Ask::new(&format!("made-up-{number}")), now, &mut draw).unwrap();
            claim.report(&failed(if number % 7 == 0 { &overloaded } else { &missing }), now);
            now = now.plus(Duration::from_millis(1));
        }
    });
    assert!(left.bytes_current < MOST_BYTES, "{left:?}");
    let keys = pool.keys(now);
    assert!(keys.iter().all(|key| key.models.len() <= 64), "{}", keys[0].models.len());
    assert!(pool.provider_view(now).models.len() <= 64);
}

/// A house to which many made-up names come, so many that they share their lane.
fn flooded() -> House {
    let mut house = House::even(Strategy::RoundRobin, 3, 5);
    let missing = judged(Blame::ModelOnKey, Lasts::Human, Trouble::ModelMissing);
    for number in 0..300 {
        house.choose(&Ask::new(&format!("made-up-{number}"))).report(&failed(&missing), house.now);
    }
    house
}

#[test]
fn a_new_model_is_served_in_a_flood_and_gets_its_own_lane() {
    let mut house = flooded();
    let new = Ask::new("brand-new");
    house.choose(&new).report(&succeeded(Duration::from_millis(100)), house.now);
    // From now on what is learned of it is kept.
    let others = [id(1), id(2)];
    let claim = house.choose(&Ask { tried: &others, ..new });
    claim.report(&failed(&judged(Blame::ModelOnKey, Lasts::Human, Trouble::ModelMissing)), house.now);
    let view = house.view(0);
    let own = view.models.iter().find(|model| model.model == "brand-new").expect("its own standing");
    assert!(matches!(own.standing, Standing::Cooling { .. }));
    assert!((0..10).all(|_| house.choose(&new).credential() != id(0)));
    assert!((0..10).any(|_| house.choose(&Ask::new("made-up-700")).credential() == id(0)), "others do not mind");
}

#[test]
fn names_that_share_a_lane_learn_nothing_from_each_other() {
    let mut house = flooded();
    for blame in [Blame::ModelOnKey, Blame::Model] {
        for number in 1_000..1_100 {
            let failure = judged(blame, Lasts::Human, Trouble::ModelMissing);
            house.choose(&Ask::new(&format!("made-up-{number}"))).report(&failed(&failure), house.now);
        }
    }
    // What concerns the key as a whole is learned all the same.
    let claim = house.choose(&Ask::new("made-up-2000"));
    let key = claim.credential();
    claim.report(&failed(&judged(Blame::Key, Lasts::Human, Trouble::Rejected)), house.now);
    assert!((0..30).all(|_| house.choose(&Ask::new("made-up-2001")).credential() != key));
}

#[test]
fn keys_that_are_not_for_a_name_do_not_serve_it_in_a_flood_either() {
    let only = |number, pattern: &str| {
        let models = vec![pattern.to_owned()];
        member(number, KeyTerms { models, ..KeyTerms::default() })
    };
    let mut house = House::new(Strategy::RoundRobin, vec![only(0, "a-*"), only(1, "b-*")], 5);
    for number in 0..400 {
        for (prefix, key) in [("a", 0), ("b", 1)] {
            assert_eq!(house.choose(&Ask::new(&format!("{prefix}-{number}"))).credential(), id(key));
        }
        assert!(house.try_choose(&Ask::new(&format!("c-{number}"))).is_err());
    }
}
