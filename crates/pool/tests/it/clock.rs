//! A wall clock that was ahead: what was noted then does not hold for years.

use std::time::Duration;

use keyward_domain::judgement::{Blame, Lasts, Trouble};
use keyward_domain::routing::Strategy;
use keyward_domain::standing::Standing;
use keyward_pool::{Ask, Cooled};

use crate::house::{House, MODEL, failed, id, judged};

const YEAR: Duration = Duration::from_hours(24 * 365);
const MINUTE: Duration = Duration::from_mins(1);

#[test]
fn a_rest_of_a_key_from_when_the_clock_was_ahead_is_over() {
    let mut house = House::even(Strategy::RoundRobin, 2, 1);
    let right = house.now.wall;
    house.now.wall = right.plus(YEAR);
    let until = house.now.wall.plus(MINUTE);
    house.fail(0, &judged(Blame::Key, Lasts::Until(until), Trouble::RateLimited));
    assert!((0..10).all(|_| house.choose(&Ask::new(MODEL)).credential() == id(1)));
    (house.now.wall, house.now.monotonic) = (right, house.now.monotonic + MINUTE);
    assert!(house.serve_spaced(1_000, Duration::from_millis(50)).contains_key("k0"));
    assert_eq!(house.standing(0), Standing::Active);
    // The next word of the provider is shorter than the old one, and holds.
    let until = house.now.wall.plus(MINUTE);
    house.fail(0, &judged(Blame::Key, Lasts::Until(until), Trouble::RateLimited));
    assert_eq!(house.standing(0), Standing::Cooling { until });
}

#[test]
fn a_rest_of_a_provider_from_when_the_clock_was_ahead_is_over() {
    let mut house = House::even(Strategy::RoundRobin, 2, 1);
    let right = house.now.wall;
    let busy = |house: &House| judged(Blame::Provider, Lasts::Until(house.now.wall.plus(MINUTE)), Trouble::Overloaded);
    house.now.wall = right.plus(YEAR);
    let judgement = busy(&house);
    house.choose(&Ask::new(MODEL)).report(&failed(&judgement), house.now);
    assert!(house.try_choose(&Ask::new(MODEL)).is_err());
    house.now.wall = right;
    let judgement = busy(&house);
    house.choose(&Ask::new(MODEL)).report(&failed(&judgement), house.now);
    let nothing = house.try_choose(&Ask::new(MODEL)).unwrap_err();
    assert_eq!(nothing.back, Some(right.plus(MINUTE)));
}

#[test]
fn what_is_for_people_to_end_and_what_an_operator_set_for_a_year_holds() {
    let mut house = House::even(Strategy::RoundRobin, 3, 1);
    house.fail(0, &judged(Blame::Key, Lasts::Human, Trouble::Rejected));
    let until = house.now.wall.plus(YEAR);
    assert_eq!(house.registry.cool(id(1), until, "ada", house.now), Cooled::Rests);
    assert_eq!(house.serve(300).len(), 1);
}
