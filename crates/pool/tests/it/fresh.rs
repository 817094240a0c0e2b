//! Pools and models that nobody asked for yet, and keys that wake: several threads come at once.

use std::sync::Barrier;
use std::time::Duration;

use keyward_domain::judgement::{Blame, Lasts, Trouble};
use keyward_domain::routing::Strategy;
use keyward_pool::{Ask, Draw};

use crate::house::{House, MODEL, judged};

const THREADS: u64 = 4;

/// Calls for one model after the other, all threads at once; every one finds a key.
fn all_find_a_key(house: &House, models: &[String]) {
    let together = Barrier::new(usize::try_from(THREADS).unwrap());
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let together = &together;
            scope.spawn(move || {
                let mut draw = Draw::seeded(thread);
                let found: Vec<_> = models
                    .iter()
                    .map(|model| {
                        together.wait();
                        house.pool.choose(&Ask::new(model), house.now, &mut draw).err()
                    })
                    .collect();
                // Compared after the last barrier, so that a failure does not leave the others waiting.
                assert!(found.iter().all(Option::is_none), "{found:?}");
            });
        }
    });
}

#[test]
fn first_calls_for_a_model_on_several_threads_find_a_key() {
    for round in 0..40 {
        let house = House::even(Strategy::Adaptive, 50, round);
        let models: Vec<_> = (0..50).map(|number| format!("model-{number}")).collect();
        all_find_a_key(&house, &models);
    }
}

#[test]
fn first_calls_after_a_publish_find_a_key() {
    let mut house = House::even(Strategy::Adaptive, 50, 1);
    for _ in 0..200 {
        all_find_a_key(&house, &[MODEL.to_owned()]);
        let members = (0..50).map(|number| crate::house::weighted(number, 1)).collect();
        house.rebuild(members);
    }
}

#[test]
fn when_a_lone_key_wakes_several_threads_find_it() {
    let mut house = House::even(Strategy::Adaptive, 1, 1);
    for _ in 0..300 {
        let until = house.now.wall.plus(Duration::from_secs(5));
        house.fail(0, &judged(Blame::Key, Lasts::Until(until), Trouble::RateLimited));
        assert!(house.try_choose(&Ask::new(MODEL)).is_err());
        house.advance(Duration::from_secs(5));
        all_find_a_key(&house, &[MODEL.to_owned()]);
    }
}
