//! K03: neither too eager nor for ever, through the door.

use std::time::Duration;

use keyward_domain::routing::Strategy;
use keyward_domain::standing::Cause;
use keyward_testkit::provider::{Fault, KeyBehaviour, VendorError};

use crate::house::{CHAT, House, PATH};

#[test]
fn k03_a_key_that_heals_is_back_when_its_time_has_come() {
    let house = House::with_keys(3);
    house.set_strategy("openai", Strategy::Single);
    house.provider.set_behaviour("key-1", &KeyBehaviour::rate_limited(1, Some(30)));
    assert_eq!(house.chat().header("x-keyward-key"), Some("key-2"));
    house.clock.advance(Duration::from_millis(29_999));
    assert_eq!(house.chat().header("x-keyward-key"), Some("key-2"), "a millisecond too early");
    house.clock.advance(Duration::from_millis(1));
    for _ in 0..5 {
        let answer = house.chat();
        assert_eq!((answer.header("x-keyward-key"), answer.header("x-keyward-attempts")), (Some("key-1"), Some("1")));
    }
    let events = house.heard_of(house.credential("key-1").id);
    assert_eq!(events.len(), 2, "{events:?}");
    assert_eq!(events[1].now.cause, Cause::Time);
}

#[test]
fn k03_one_error_in_a_thousand_benches_nobody() {
    let house = House::with_keys(3);
    house.provider.script(Fault::refuse(VendorError::Internal).skip(500));
    let mut client = house.client();
    for number in 0..1_000 {
        house.clock.advance(Duration::from_millis(20));
        let answer = client.post(PATH, &CHAT.replace("Hello", &format!("Conversation {number}")));
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    assert_eq!(house.provider.faults_left(), 0);
    assert_eq!(house.heard.events(), []);
    assert_eq!(house.provider.requests_total(), 1_001);
}

#[test]
fn k03_the_last_usable_key_is_not_benched_for_a_moments_error() {
    let house = House::with_keys_and(1, |options| options.attempts.max = 1);
    house.provider.script(Fault::refuse(VendorError::Internal).times(30));
    let mut client = house.client();
    for _ in 0..30 {
        assert_eq!(client.post(PATH, CHAT).status, 502);
    }
    assert_eq!(house.provider.requests_total(), 30, "every call was tried, however many failed");
    assert_eq!(client.post(PATH, CHAT).status, 200, "and the first that can succeed does");
}

#[test]
fn k03_a_disabled_key_is_never_used_whatever_the_strategy() {
    let house = House::with_keys(4);
    house.disable("key-2");
    let mut client = house.client();
    for strategy in Strategy::ALL {
        house.set_strategy("openai", strategy);
        for number in 0..40 {
            let answer = client.post(PATH, &CHAT.replace("Hello", &format!("Conversation {number}")));
            assert_eq!(answer.status, 200, "{strategy:?}");
        }
    }
    // Not even when everybody else fails.
    house.provider.script(Fault::refuse(VendorError::RateLimited(Some(60))).always());
    assert_eq!(client.post(PATH, CHAT).status, 429);
    assert_eq!(house.calls_with("key-2"), 0);
}
