//! K05: the strategy that an operator sets is the one that requests meet, with clients that hang up in between.

use std::collections::BTreeMap;

use keyward_domain::routing::Strategy;
use keyward_testkit::provider::{Fault, KeyBehaviour, Stall};

use crate::house::{CHAT, House, PATH};

/// Calls by key of this many requests, one after the other. Every tenth client leaves before it has an answer.
fn traffic(house: &House, requests: usize) -> BTreeMap<String, usize> {
    house.provider.forget();
    let mut client = house.client();
    for number in 0..requests {
        let body = CHAT.replace("Hello", &format!("Conversation {number}"));
        if number % 10 != 0 {
            assert_eq!(client.post(PATH, &body).status, 200);
            continue;
        }
        house.provider.script(Fault::answer().stall(Stall::BeforeHeaders));
        let mut leaving = house.client();
        leaving.send("POST", PATH, body.as_bytes());
        House::wait(house.provider.wait_for_stalled(1));
        drop(leaving);
        House::wait(house.provider.wait_for_stalled(0));
    }
    house.calls()
}

fn house(strategy: Strategy) -> House {
    let house = House::with_keys(4);
    house.set_strategy("openai", strategy);
    house
}

#[test]
fn k05_round_robin_goes_round_aborts_or_not() {
    let calls = traffic(&house(Strategy::RoundRobin), 200);
    assert_eq!(calls.into_values().collect::<Vec<_>>(), [50; 4]);
}

#[test]
fn k05_weights_are_kept() {
    let house = house(Strategy::Weighted);
    for (number, weight) in [(1, 1), (2, 2), (3, 3), (4, 4)] {
        house.change_key(&format!("key-{number}"), |key| key.terms.weight = weight);
    }
    let calls = traffic(&house, 600);
    // Five standard deviations of 600 draws: chance alone never does that.
    for (key, expected) in [("key-1", 60), ("key-2", 120), ("key-3", 180), ("key-4", 240)] {
        let calls = calls.get(key).copied().unwrap_or(0);
        assert!(calls.abs_diff(expected) <= 60.min(expected * 2 / 3), "{key}: {calls} instead of {expected}");
    }
}

#[test]
fn k05_random_reaches_all_alike() {
    let calls = traffic(&house(Strategy::Random), 400);
    assert!(calls.len() == 4 && calls.values().all(|calls| (55..=145).contains(calls)), "{calls:?}");
}

#[test]
fn k05_single_stays_with_the_first_until_it_is_gone() {
    let house = house(Strategy::Single);
    assert_eq!(traffic(&house, 40), [("key-1".to_owned(), 40)].into());
    house.disable("key-1");
    assert_eq!(traffic(&house, 40), [("key-2".to_owned(), 40)].into());
}

#[test]
fn k05_least_used_levels_what_is_in_flight_and_notices_who_left() {
    let house = house(Strategy::LeastUsed);
    house.provider.script(Fault::answer().stall(Stall::BeforeHeaders).times(10));
    let mut clients: Vec<_> = (0..8).map(|number| Some(house.client().header("x-case", &number.to_string()))).collect();
    for (number, client) in clients.iter_mut().flatten().enumerate() {
        client.send("POST", PATH, CHAT.as_bytes());
        House::wait(house.provider.wait_for_stalled(number as u64 + 1));
    }
    assert_eq!(house.calls().into_values().collect::<Vec<_>>(), [2; 4]);
    // Both clients whose calls are with key-2 leave: it is the least used now, twice.
    for record in house.provider.requests() {
        if record.key.as_deref() == Some("key-2") {
            clients[record.header("x-case").unwrap().parse::<usize>().unwrap()] = None;
        }
    }
    House::wait(house.provider.wait_for_stalled(6));
    house.provider.forget();
    let mut late: Vec<_> = (0..2).map(|_| house.client()).collect();
    for (number, client) in late.iter_mut().enumerate() {
        client.send("POST", PATH, CHAT.as_bytes());
        House::wait(house.provider.wait_for_stalled(number as u64 + 7));
    }
    assert_eq!(house.calls(), [("key-2".to_owned(), 2)].into());
    house.provider.release();
    for client in clients.iter_mut().flatten().chain(&mut late) {
        assert_eq!(client.head().finish().status, 200);
    }
}

#[test]
fn k05_a_higher_tier_is_used_when_no_key_below_it_is_usable() {
    let house = House::with_keys(4);
    for key in ["key-3", "key-4"] {
        house.change_key(key, |key| key.terms.tier = 1);
    }
    for strategy in Strategy::ALL {
        house.set_strategy("openai", strategy);
        let calls = traffic(&house, 40);
        assert!(calls.keys().all(|key| key == "key-1" || key == "key-2"), "{strategy:?}: {calls:?}");
    }
    house.disable("key-1");
    house.provider.set_behaviour("key-2", &KeyBehaviour::rate_limited(1, Some(30)));
    let answer = house.chat();
    assert!(["key-3", "key-4"].contains(&answer.header("x-keyward-key").unwrap()));
    house.clock.advance(std::time::Duration::from_secs(30));
    assert_eq!(house.chat().header("x-keyward-key"), Some("key-2"), "and back as soon as one of them is");
}

#[test]
fn k05_keys_serve_the_models_they_are_for() {
    let house = House::with_keys(3);
    for (key, model) in [("key-1", "gpt-4o*"), ("key-2", "gpt-5-mini"), ("key-3", "*mini")] {
        house.change_key(key, |key| key.terms.models = vec![model.to_owned()]);
    }
    for strategy in Strategy::ALL {
        house.set_strategy("openai", strategy);
        for (model, keys) in
            [("gpt-4o", &["key-1"][..]), ("gpt-4o-mini", &["key-1", "key-3"]), ("gpt-5-mini", &["key-2", "key-3"])]
        {
            for _ in 0..6 {
                let answer = house.chat_with(model);
                assert!(keys.contains(&answer.header("x-keyward-key").unwrap()), "{strategy:?} {model}");
            }
        }
        assert_eq!(crate::house::code(&house.chat_with("gpt-5")), "no_usable_key", "{strategy:?}");
    }
}

#[test]
fn k05_each_provider_has_its_own_strategy() {
    let house = House::with_providers(|_| {}, &[("one", &["one-1", "one-2"]), ("two", &["two-1", "two-2"])]);
    house.set_strategy("one", Strategy::Single);
    house.set_strategy("two", Strategy::RoundRobin);
    for _ in 0..20 {
        assert_eq!(house.chat_with("one/gpt-4o-mini").status, 200);
        assert_eq!(house.chat_with("two/gpt-4o-mini").status, 200);
    }
    let calls = house.calls();
    let calls: Vec<_> = calls.iter().map(|(key, calls)| (&**key, *calls)).collect();
    assert_eq!(calls, [("one-1", 20), ("two-1", 10), ("two-2", 10)]);
}
