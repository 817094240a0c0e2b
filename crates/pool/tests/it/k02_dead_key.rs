//! K02: a dead key costs one call.

use std::time::Duration;

use keyward_domain::judgement::{Blame, Lasts, Trouble};
use keyward_domain::routing::Strategy;
use keyward_domain::standing::Standing;
use keyward_pool::Ask;

use crate::house::{House, MODEL, failed, id, judged, succeeded};

#[test]
fn k02_a_dead_key_costs_one_call() {
    for strategy in Strategy::ALL {
        let mut house = House::even(strategy, 10, 2);
        let reset = house.now.wall.plus(Duration::from_hours(1));
        let spent = judged(Blame::Account, Lasts::Until(reset), Trouble::QuotaExhausted);

        let first = house.choose(&Ask::new(MODEL));
        let dead = first.credential();
        first.report(&failed(&spent), house.now);
        let second = house.choose(&Ask { tried: &[dead], ..Ask::new(MODEL) });
        assert_ne!(second.credential(), dead);
        second.report(&succeeded(Duration::from_millis(200)), house.now);

        let dead_name = house.pool.keys(house.now).into_iter().find(|view| view.credential == dead).unwrap().name;
        let counts = house.serve_spaced(1_000, Duration::from_secs(3));
        assert!(!counts.contains_key(&*dead_name), "{strategy:?}: {counts:?}");
        // At its reset it is back by itself.
        house.advance(Duration::from_secs(601));
        house.serve(2_000);
        let view = house.pool.keys(house.now).into_iter().find(|view| view.credential == dead).unwrap();
        assert_eq!(view.standing, Standing::Active, "{strategy:?}");
    }
}

#[test]
fn k02_a_bad_request_touches_one_key_once() {
    let mut house = House::even(Strategy::Adaptive, 10, 2);
    for _ in 0..100 {
        let claim = house.choose(&Ask::new(MODEL));
        claim.report(&failed(&judged(Blame::Request, Lasts::Human, Trouble::BadRequest)), house.now);
    }
    assert!(house.events().is_empty());
    assert!(house.pool.keys(house.now).iter().all(|view| view.failures == 0 && view.standing == Standing::Active));
    assert_eq!(house.standing(0), Standing::Active);
    assert_eq!(house.view(0).credential, id(0));
}
