//! Every change of a standing is told: which key, from what to what, why, by which call, until when.

use std::time::Duration;

use keyward_domain::ids::RequestId;
use keyward_domain::judgement::Trouble;
use keyward_domain::routing::Strategy;
use keyward_domain::standing::{Cause, Standing};
use keyward_testkit::provider::{Fault, KeyBehaviour, Stall, VendorError};

use crate::house::{Answer, CHAT, House, PATH};

fn request(answer: &Answer) -> RequestId {
    answer.header("x-keyward-request-id").unwrap().parse().unwrap()
}

#[test]
fn every_standing_is_told_with_its_cause_its_reason_and_its_end() {
    let begin = crate::house::BEGIN;
    let cooling = Standing::Cooling { until: begin.plus(Duration::from_secs(9)) };
    let cases = [
        (VendorError::InvalidKey, 401, Standing::Suspect, Trouble::Rejected, None),
        (VendorError::Quota, 429, Standing::Exhausted { until: None }, Trouble::QuotaExhausted, None),
        (VendorError::RateLimited(Some(9)), 429, cooling, Trouble::RateLimited, Some("gpt-4o-mini")),
    ];
    for (error, status, standing, trouble, model) in cases {
        let house = House::with_keys(2);
        house.set_strategy("openai", Strategy::Single);
        house.provider.script(Fault::refuse(error.clone()).for_key("key-1"));
        let answer = house.chat();
        assert_eq!(answer.header("x-keyward-key"), Some("key-2"), "{error:?}");
        let events = house.heard.events();
        let [event] = &*events else { panic!("{error:?}: {events:#?}") };
        assert_eq!(event.now.credential, house.credential("key-1").id, "{error:?}");
        assert_eq!((event.at, event.from, event.now.standing), (begin, Standing::Active, standing), "{error:?}");
        assert_eq!(event.now.cause, Cause::Answer { request: request(&answer), status }, "{error:?}");
        assert_eq!((event.now.trouble, event.now.model.as_deref()), (Some(trouble), model), "{error:?}");
        assert!(event.now.reason.len() > 5 && event.now.since == begin, "{error:?}: {}", event.now.reason);
    }
}

#[test]
fn an_error_inside_a_stream_teaches_as_much_as_a_status() {
    for tokens in [0, 3] {
        let house = House::with_keys(2);
        house.set_strategy("openai", Strategy::Single);
        house.provider.script(Fault::answer().error_after(tokens, VendorError::Quota));
        let answer = house.client().post(PATH, &crate::house::streamed(CHAT));
        let served = if tokens == 0 { "key-2" } else { "key-1" };
        assert_eq!(answer.header("x-keyward-key"), Some(served), "{tokens}: {}", answer.text());
        let events = house.heard.events();
        let [event] = &*events else { panic!("{tokens}: {events:#?}") };
        assert_eq!(event.now.credential, house.credential("key-1").id);
        assert_eq!(event.now.standing, Standing::Exhausted { until: None }, "{tokens}");
        assert_eq!(event.now.cause, Cause::Answer { request: request(&answer), status: 200 }, "{tokens}");
        assert_eq!(house.chat().header("x-keyward-key"), Some("key-2"), "{tokens}");
    }
}

#[test]
fn a_return_is_told_even_when_nobody_asks() {
    let house = House::with_keys(1);
    house.provider.script(Fault::refuse(VendorError::RateLimited(Some(9))));
    assert_eq!(house.chat().status, 429);
    house.clock.advance(Duration::from_secs(9));
    house.registry.sweep(house.moment());
    let events = house.heard.events();
    assert_eq!(events.len(), 2, "{events:#?}");
    assert_eq!((events[1].now.standing, events[1].now.cause.clone()), (Standing::Active, Cause::Time));
    assert_eq!(events[1].at, house.moment().wall);
}

#[test]
fn a_longer_rest_is_told_and_a_shorter_one_changes_nothing() {
    let house = House::with_keys(1);
    for seconds in [20, 5, 60] {
        let limited = Fault::refuse(VendorError::RateLimited(Some(seconds)));
        house.provider.script(limited.stall(Stall::BeforeHeaders));
    }
    // Three calls under way at once, each refused for another length.
    let mut clients: Vec<_> = (0..3).map(|_| house.client()).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        client.send("POST", PATH, CHAT.as_bytes());
        House::wait(house.provider.wait_for_stalled(number as u64 + 1));
    }
    house.provider.release();
    let answers: Vec<_> = clients.iter_mut().map(|client| client.head().finish()).collect();
    let longest: Vec<_> = house.heard.events().iter().filter_map(crate::house::rest_of).collect();
    assert!(longest.windows(2).all(|pair| pair[0] < pair[1]), "only longer ones: {longest:?}");
    assert_eq!(longest.last(), Some(&Duration::from_mins(1)));
    assert!(answers.iter().all(|answer| answer.status == 429));
    house.clock.advance(Duration::from_secs(59));
    assert_eq!(house.chat().status, 429, "the longest holds");
}

#[test]
fn a_circuit_that_opens_and_closes_is_told_with_the_calls_that_did_it() {
    let house = House::with_keys(2);
    house.set_strategy("openai", Strategy::Single);
    house.provider.set_behaviour("key-1", &KeyBehaviour::rate_limited(1, None));
    let opened = house.chat();
    assert_eq!(opened.header("x-keyward-key"), Some("key-2"));
    house.clock.advance(Duration::from_secs(2));
    let closed = house.chat();
    assert_eq!(closed.header("x-keyward-key"), Some("key-1"), "its canary");
    let told: Vec<_> = house.heard_of(house.credential("key-1").id).into_iter().map(|event| event.now).collect();
    assert_eq!(told.len(), 2, "{told:#?}");
    assert!(matches!(told[0].standing, Standing::Cooling { .. }));
    assert_eq!(told[0].cause, Cause::Answer { request: request(&opened), status: 429 });
    assert_eq!(told[1].standing, Standing::Active);
    assert_eq!(told[1].cause, Cause::Answer { request: request(&closed), status: 200 });
}
