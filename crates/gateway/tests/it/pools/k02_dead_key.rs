//! K02: a dead key costs one call; a fault of the request costs no key anything.

use std::time::Duration;

use keyward_domain::routing::Strategy;
use keyward_domain::standing::Standing;
use keyward_domain::time::Timestamp;
use keyward_testkit::provider::{Fault, KeyBehaviour, VendorError};

use crate::house::{CHAT, House, PATH};

#[test]
fn k02_a_dead_key_costs_one_call() {
    let house = House::with_keys(10);
    let home = house.chat().header("x-keyward-key").unwrap().to_owned();
    house.provider.set_behaviour(&home, &KeyBehaviour::RefusesPaid(VendorError::Quota));
    house.provider.forget();
    let answer = house.chat();
    assert_eq!((answer.status, answer.header("x-keyward-attempts")), (200, Some("2")), "{}", answer.text());
    assert_eq!(house.calls_with(&home), 1, "exactly one wasted call");
    let mut client = house.client();
    for number in 0..1_000 {
        house.clock.advance(Duration::from_secs(1));
        let body = CHAT.replace("Hello", &format!("Conversation {number}"));
        let answer = client.post(PATH, &body);
        assert_eq!((answer.status, answer.header("x-keyward-attempts")), (200, Some("1")), "{}", answer.text());
    }
    assert_eq!(house.calls_with(&home), 1, "never touched again");
    // A person paid and says so: it is back.
    assert!(house.registry.clear(house.credential(&home).id, "test", house.moment()));
    house.provider.set_behaviour(&home, &KeyBehaviour::Valid);
    house.clock.advance(Duration::from_mins(1));
    assert_eq!(house.chat().header("x-keyward-key"), Some(&*home));
}

#[test]
fn k02_a_key_is_back_at_its_reset_and_not_before() {
    let house = House::with_keys(10);
    house.set_strategy("openai", Strategy::Single);
    // The month of the limit ends at midnight UTC.
    house.provider.set_behaviour("key-1", &KeyBehaviour::RefusesPaid(VendorError::SpendLimit));
    let answer = house.chat();
    assert_eq!((answer.header("x-keyward-key"), answer.header("x-keyward-attempts")), (Some("key-2"), Some("2")));
    let events = house.heard_of(house.credential("key-1").id);
    let reset = Timestamp::from_unix_millis(1_796_083_200_000);
    assert_eq!(events.last().unwrap().now.standing, Standing::Exhausted { until: Some(reset) }, "1 December 2026");
    house.provider.set_behaviour("key-1", &KeyBehaviour::Valid);
    house.clock.advance(reset.since(house.moment().wall).saturating_sub(Duration::from_millis(1)));
    assert_eq!(house.chat().header("x-keyward-key"), Some("key-2"), "a millisecond too early");
    house.clock.advance(Duration::from_millis(1));
    assert_eq!(house.chat().header("x-keyward-key"), Some("key-1"));
}

#[test]
fn k02_a_bad_schema_touches_one_key_once() {
    let house = House::with_keys(10);
    let home = house.chat().header("x-keyward-key").unwrap().to_owned();
    house.provider.forget();
    house.provider.script(Fault::refuse(VendorError::BadRequest("bad schema".into(), Some("tools".into()))));
    let answer = house.chat();
    assert_eq!((answer.status, answer.header("x-keyward-attempts")), (400, Some("1")));
    assert_eq!(house.calls(), [(home.clone(), 1)].into());
    assert_eq!(house.heard.events(), [], "the key is innocent");
    assert_eq!(house.chat().header("x-keyward-key"), Some(&*home));
}
