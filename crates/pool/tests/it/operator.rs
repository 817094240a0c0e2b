//! What people and probes say about keys.

use std::time::Duration;

use keyward_domain::credential::Finding;
use keyward_domain::judgement::{Blame, Lasts, Trouble};
use keyward_domain::routing::Strategy;
use keyward_domain::standing::{Cause, Standing};
use keyward_pool::{Ask, Cooled};

use crate::house::{House, MODEL, id, judged, succeeded};

#[test]
fn an_operator_cools_and_clears_a_key_and_is_named() {
    let mut house = House::even(Strategy::RoundRobin, 3, 1);
    let until = house.now.wall.plus(Duration::from_hours(2));
    assert_eq!(house.registry.cool(id(0), until, "ada", house.now), Cooled::Rests);
    assert_eq!(house.registry.cool(id(99), until, "ada", house.now), Cooled::Unknown);
    assert_eq!(house.serve(300).len(), 2);
    let by_ada = Cause::Operator { principal: "ada".to_owned() };
    let event = house.events().pop().unwrap();
    assert_eq!(
        (event.from, event.now.standing, &event.now.cause),
        (Standing::Active, Standing::Cooling { until }, &by_ada)
    );
    // Shorter than before: an operator's word goes.
    let sooner = house.now.wall.plus(Duration::from_mins(1));
    assert_eq!(house.registry.cool(id(0), sooner, "ada", house.now), Cooled::Rests);
    assert_eq!(house.standing(0), Standing::Cooling { until: sooner });
    house.registry.clear(id(0), "ada", house.now);
    assert_eq!(house.standing(0), Standing::Active);
    assert!(house.serve(1_000).contains_key("k0"));
    assert_eq!(house.events().len(), 3);
    assert!(!house.registry.clear(id(99), "ada", house.now), "nobody knows that key");
}

#[test]
fn clearing_covers_models_and_circuits() {
    let mut house = House::even(Strategy::RoundRobin, 3, 1);
    house.fail(0, &judged(Blame::ModelOnKey, Lasts::Human, Trouble::ModelMissing));
    (0..6).for_each(|_| {
        let claim = house.choose(&Ask { tried: &[id(1), id(2)], ..Ask::new("another-model") });
        claim.report(&crate::house::failed(&judged(Blame::Key, Lasts::Moment, Trouble::Failed)), house.now);
        house.advance(Duration::from_millis(1));
        if house.standing(0) != Standing::Active {
            house.registry.clear(id(0), "ada", house.now);
        }
    });
    house.registry.clear(id(0), "ada", house.now);
    assert_eq!(house.view(0).circuit.phase, "closed");
    assert!(house.serve(1_000).contains_key("k0"));
}

#[test]
fn a_probe_clears_a_suspect_and_makes_one() {
    let mut house = House::even(Strategy::RoundRobin, 3, 1);
    house.fail(0, &judged(Blame::Key, Lasts::Human, Trouble::Rejected));
    house.advance(Duration::from_secs(5));
    house.registry.probed(id(0), Finding::Unreachable, house.now);
    assert_eq!(house.standing(0), Standing::Suspect, "an answer that is none proves nothing");
    assert_eq!(house.view(0).proved_at, None);
    house.registry.probed(id(0), Finding::Valid, house.now);
    assert_eq!(house.standing(0), Standing::Active);
    assert_eq!(house.view(0).proof_age_seconds, Some(0));
    for (key, finding, standing) in
        [(0, Finding::Unauthorised, Standing::Suspect), (1, Finding::NoCredit, Standing::Exhausted { until: None })]
    {
        house.registry.probed(id(key), finding, house.now);
        assert_eq!(house.standing(key), standing);
        assert_eq!(house.events().pop().unwrap().now.cause, Cause::Probe);
    }
}

#[test]
fn a_probe_lets_a_failing_key_have_its_canary_now() {
    let mut house = House::even(Strategy::RoundRobin, 3, 1);
    let error = judged(Blame::Key, Lasts::Moment, Trouble::Failed);
    (0..5).for_each(|_| house.fail(0, &error));
    assert_eq!(house.view(0).circuit.phase, "open");
    house.registry.probed(id(0), Finding::Valid, house.now);
    let canary = house.choose(&Ask::new(MODEL));
    assert_eq!((canary.credential(), canary.is_canary()), (id(0), true));
    house.advance(Duration::from_millis(200));
    canary.report(&succeeded(Duration::from_millis(200)), house.now);
    assert_eq!(house.view(0).circuit.phase, "closed");
}

#[test]
fn credit_that_is_gone_is_looked_at_again_when_the_key_is_still_valid_an_hour_later() {
    let mut house = House::even(Strategy::RoundRobin, 3, 1);
    house.fail(0, &judged(Blame::Account, Lasts::Human, Trouble::QuotaExhausted));
    house.registry.probed(id(0), Finding::Valid, house.now);
    assert_eq!(house.standing(0), Standing::Exhausted { until: None }, "a valid key says nothing about credit");
    house.advance(Duration::from_hours(1));
    house.registry.probed(id(0), Finding::Valid, house.now);
    assert_eq!(house.standing(0), Standing::Active);
}

#[test]
fn a_suspect_key_that_an_operator_lets_rest_does_not_come_back_by_itself() {
    let mut house = House::even(Strategy::RoundRobin, 3, 1);
    house.fail(0, &judged(Blame::Key, Lasts::Human, Trouble::Rejected));
    let until = house.now.wall.plus(Duration::from_secs(1));
    assert_eq!(house.registry.cool(id(0), until, "ada", house.now), Cooled::StaysSuspect);
    assert_eq!(house.standing(0), Standing::Suspect);
    house.advance(Duration::from_secs(2));
    assert!(!house.serve(500).contains_key("k0"));
    house.registry.clear(id(0), "ada", house.now);
    assert!(house.serve(500).contains_key("k0"));
}
