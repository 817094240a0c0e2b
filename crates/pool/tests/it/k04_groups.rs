//! K04: what one key of an account learns, its siblings know.

use std::time::Duration;

use keyward_domain::judgement::{Blame, Lasts, Trouble};
use keyward_domain::routing::Strategy;
use keyward_domain::standing::{Cause, Standing};
use keyward_pool::{Account, Ask};

use crate::house::{House, MODEL, PROVIDER, id, in_group, judged};

fn house() -> House {
    let members = vec![in_group(0, "one"), in_group(1, "one"), in_group(2, "one"), in_group(3, "two")];
    House::new(Strategy::Adaptive, members, 4)
}

#[test]
fn k04_an_exhausted_account_is_skipped_with_all_its_keys() {
    let mut house = house();
    let reset = house.now.wall.plus(Duration::from_hours(1));
    house.fail(0, &judged(Blame::Account, Lasts::Until(reset), Trouble::QuotaExhausted));
    for key in 0..3 {
        assert_eq!(house.standing(key), Standing::Exhausted { until: Some(reset) });
    }
    assert_eq!(house.view(1).known.unwrap().cause, Cause::Sibling { credential: id(0) });
    assert_eq!(house.events().len(), 3);
    let counts = house.serve(1_000);
    assert_eq!(counts.keys().collect::<Vec<_>>(), ["k3"]);
}

#[test]
fn k04_a_revoked_key_does_not_take_its_siblings_along() {
    let mut house = house();
    house.fail(0, &judged(Blame::Key, Lasts::Human, Trouble::Rejected));
    assert_eq!(house.standing(0), Standing::Suspect);
    let counts = house.serve(1_000);
    assert_eq!(counts.len(), 3, "{counts:?}");
}

#[test]
fn k04_the_models_own_limit_belongs_to_the_account() {
    let mut house = house();
    let until = house.now.wall.plus(Duration::from_secs(20));
    house.fail(0, &judged(Blame::ModelOnKey, Lasts::Until(until), Trouble::RateLimited));
    assert_eq!(house.serve(300).len(), 1);
    let other = house.choose(&Ask { tried: &[id(3)], ..Ask::new("another-model") });
    assert!(other.credential() < id(3));
    assert_eq!(house.standing(0), Standing::Active, "the key as a whole is fine");
    assert_eq!(house.view(1).models[0].standing, Standing::Cooling { until });
}

#[test]
fn k04_a_model_that_one_key_may_not_use_is_that_keys_affair() {
    let mut house = house();
    house.fail(0, &judged(Blame::ModelOnKey, Lasts::Human, Trouble::NoPermission));
    let counts = house.serve(1_000);
    assert!(!counts.contains_key("k0") && counts.len() == 3, "{counts:?}");
    // Nobody is told about it, so it is tried again after an hour.
    house.advance(Duration::from_hours(1));
    assert!(house.serve(1_000).contains_key("k0"));
}

#[test]
fn k04_accounts_can_be_avoided_and_pinned() {
    let mut house = house();
    let (one, two) = (Account::of(PROVIDER, id(0), Some("one")), Account::of(PROVIDER, id(9), Some("two")));
    for _ in 0..100 {
        let ask = Ask { avoid: &[one], affinity: Some(house.draw.number()), ..Ask::new(MODEL) };
        assert_eq!(house.choose(&ask).account(), two);
        let ask = Ask { pin: Some(one), affinity: Some(house.draw.number()), ..Ask::new(MODEL) };
        assert_eq!(house.choose(&ask).account(), one);
    }
    house.fail(3, &judged(Blame::Account, Lasts::Human, Trouble::QuotaExhausted));
    let nothing = house.try_choose(&Ask { pin: Some(two), ..Ask::new(MODEL) }).unwrap_err();
    assert!(!nothing.is_resting());
    assert!(nothing.to_string().contains("another account"), "{nothing}");
}

#[test]
fn k04_a_new_key_of_an_account_is_a_sibling_from_then_on() {
    let mut house = house();
    house.rebuild(vec![in_group(0, "one"), in_group(5, "one"), in_group(3, "two")]);
    house.fail(0, &judged(Blame::Account, Lasts::Human, Trouble::QuotaExhausted));
    assert_eq!(house.standing(5), Standing::Exhausted { until: None });
}
