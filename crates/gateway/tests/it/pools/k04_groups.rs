//! K04: what one key of an account learns, its siblings know.

use std::time::Duration;

use keyward_domain::routing::Strategy;
use keyward_domain::standing::{Cause, Standing};
use keyward_testkit::provider::{KeyBehaviour, VendorError};

use crate::house::{CHAT, House, PATH, rest_of};

fn house() -> House {
    let house = House::with_keys(5);
    for key in ["key-1", "key-2", "key-3"] {
        house.change_key(key, |key| key.terms.quota_group = Some("acme".to_owned()));
    }
    house.set_strategy("openai", Strategy::Single);
    house
}

#[test]
fn k04_exhausting_one_key_skips_its_siblings() {
    let house = house();
    for key in ["key-1", "key-2", "key-3"] {
        house.provider.set_behaviour(key, &KeyBehaviour::RefusesPaid(VendorError::SpendLimit));
    }
    let answer = house.chat();
    assert_eq!((answer.header("x-keyward-key"), answer.header("x-keyward-attempts")), (Some("key-4"), Some("2")));
    for strategy in Strategy::ALL {
        house.set_strategy("openai", strategy);
        for number in 0..20 {
            assert_eq!(house.client().post(PATH, &CHAT.replace("Hello", &format!("Hello {number}"))).status, 200);
        }
    }
    let calls = house.calls();
    assert_eq!(calls["key-1"], 1, "the account cost one call");
    assert!(!calls.contains_key("key-2") && !calls.contains_key("key-3"), "{calls:?}");
    let first = house.credential("key-1").id;
    for sibling in ["key-2", "key-3"] {
        let events = house.heard_of(house.credential(sibling).id);
        let [event] = &*events else { panic!("{events:?}") };
        assert!(matches!(event.now.standing, Standing::Exhausted { until: Some(_) }));
        assert_eq!(event.now.cause, Cause::Sibling { credential: first });
    }
    assert!(house.heard_of(house.credential("key-4").id).is_empty());
}

#[test]
fn k04_a_limit_of_one_model_rests_the_siblings_for_that_model_alone() {
    let house = house();
    house.provider.set_behaviour("key-1", &KeyBehaviour::rate_limited(1, Some(20)));
    assert_eq!(house.chat().header("x-keyward-key"), Some("key-4"));
    let event = house.heard_of(house.credential("key-2").id).pop().unwrap();
    assert_eq!((event.now.model.as_deref(), rest_of(&event)), (Some("gpt-4o-mini"), Some(Duration::from_secs(20))));
    assert_eq!(house.chat_with("gpt-4o").header("x-keyward-key"), Some("key-1"), "another model has its own limit");
    house.clock.advance(Duration::from_secs(20));
    assert_eq!(house.chat().header("x-keyward-key"), Some("key-1"));
}
