//! What a client is told when nobody can serve it: the true soonest time, or each key with its reason.

use std::time::Duration;

use keyward_domain::credential::CredentialState;
use keyward_domain::routing::Strategy;
use keyward_testkit::provider::{Fault, KeyBehaviour, Stall, Vendor, VendorError, mint_secret};

use crate::house::{CHAT, House, PATH, code};

#[test]
fn all_keys_cooling_names_the_soonest_time_and_counts_down() {
    let house = House::with_keys(3);
    for (key, seconds) in [("key-1", 40), ("key-2", 25), ("key-3", 90)] {
        house.provider.set_behaviour(key, &KeyBehaviour::rate_limited(100, Some(seconds)));
    }
    let answer = house.chat();
    assert_eq!((answer.status, code(&answer).as_str()), (429, "all_keys_cooling"), "{}", answer.text());
    assert_eq!(answer.header("retry-after"), Some("25"));
    house.clock.advance(Duration::from_millis(10_500));
    let answer = house.chat();
    assert_eq!(answer.header("retry-after"), Some("15"), "14.5 s, rounded up");
    assert!(answer.text().contains("15 s"), "{}", answer.text());
    assert_eq!(house.provider.requests_total(), 3);
    house.provider.set_behaviour("key-2", &KeyBehaviour::Valid);
    house.clock.advance(Duration::from_millis(14_500));
    assert_eq!(house.chat().header("x-keyward-key"), Some("key-2"), "what it said was true");
}

#[test]
fn all_keys_cooling_counts_a_key_whose_rest_ended_during_the_call() {
    let house = House::with_keys(2);
    house.set_strategy("openai", Strategy::Single);
    house.provider.script(Fault::refuse(VendorError::RateLimited(Some(2))).for_key("key-1"));
    let late = Fault::refuse(VendorError::RateLimited(Some(30))).for_key("key-2");
    house.provider.script(late.stall(Stall::BeforeHeaders));
    let mut client = house.client();
    client.send("POST", PATH, CHAT.as_bytes());
    House::wait(house.provider.wait_for_stalled(1));
    house.clock.advance(Duration::from_secs(3));
    house.provider.release();
    let answer = client.head().finish();
    assert_eq!((answer.status, answer.header("retry-after")), (429, Some("1")), "key-1 is free by now");
    assert_eq!(house.chat().header("x-keyward-key"), Some("key-1"));
}

#[test]
fn all_keys_cooling_leaves_out_keys_that_only_a_person_can_help() {
    let house = House::with_keys(2);
    house.provider.set_behaviour("key-1", &KeyBehaviour::revoked());
    house.provider.set_behaviour("key-2", &KeyBehaviour::rate_limited(100, Some(12)));
    let answer = house.chat();
    assert_eq!((answer.status, answer.header("retry-after")), (429, Some("12")), "{}", answer.text());
}

#[test]
fn no_usable_key_names_every_key_with_its_reason_and_no_secret() {
    let house = House::with_keys(7);
    house.provider.set_behaviour("key-1", &KeyBehaviour::revoked());
    house.provider.set_behaviour("key-2", &KeyBehaviour::no_credit());
    house.disable("key-3");
    house.change_key("key-4", |key| key.state = CredentialState::Draining);
    house.change_key("key-5", |key| key.terms.models = vec!["gpt-4o".to_owned()]);
    house.change_key("key-6", |key| key.terms.expires_at = Some(house.moment().wall));
    house.change_key("key-7", |key| key.state = CredentialState::Pending);
    // The first call learns two of the reasons, the second one knows them already.
    for attempt in ["learns", "knows"] {
        let answer = house.chat();
        assert_eq!((answer.status, code(&answer).as_str()), (503, "no_usable_key"), "{}", answer.text());
        let message = answer.json()["error"]["message"].as_str().unwrap().to_owned();
        for (key, why) in [
            ("key-1", "revoked"),
            ("key-2", "credit"),
            ("key-3", "disabled"),
            ("key-4", "drain"),
            ("key-5", "model"),
            ("key-6", "expired"),
            ("key-7", "not yet validated"),
        ] {
            let reason = message.split_once(&format!("{key}: ")).map(|(_, rest)| rest.split("; ").next().unwrap());
            let reason = reason.unwrap_or_else(|| panic!("{attempt}: {key} is not named: {message}"));
            assert!(reason.contains(why), "{attempt}: {key}: {reason}");
            let secret = mint_secret(Vendor::OpenAi, key);
            assert!(!message.contains(&secret) && !message.contains(&secret[secret.len() - 8..]), "{message}");
        }
        assert_eq!(answer.header("retry-after"), None, "nobody comes back by itself");
    }
    assert_eq!(house.provider.requests_total(), 2);
}

#[test]
fn a_provider_that_says_how_long_it_is_full_is_left_alone_that_long() {
    let house = House::with_keys(3);
    let full = Fault::refuse(VendorError::Overloaded).header("retry-after", "30");
    house.provider.script(full);
    assert_eq!(house.chat().status, 502, "its own failure");
    for (advance, left) in [(0, "30"), (12, "18"), (17, "1")] {
        house.clock.advance(Duration::from_secs(advance));
        let answer = house.chat();
        let told = (answer.status, code(&answer), answer.header("retry-after").map(str::to_owned));
        assert_eq!(told, (503, "overloaded".to_owned(), Some(left.to_owned())), "{}", answer.text());
    }
    assert_eq!(house.provider.requests_total(), 1, "whatever the key");
    assert_eq!(house.heard.events(), [], "no key is to blame");
    assert_eq!(house.chat_with("gpt-4o").status, 200, "nor another model");
    house.clock.advance(Duration::from_secs(1));
    assert_eq!(house.chat().status, 200);
}

#[test]
fn a_provider_that_keeps_failing_is_left_alone_unless_it_is_the_only_one() {
    let house = House::with_providers(|_| {}, &[("one", &["one-1"]), ("two", &["two-1"])]);
    house.add_alias("best", &["one/gpt-4o-mini", "two/gpt-4o-mini"]);
    house.provider.script(Fault::refuse(VendorError::Internal).for_key("one-1").always());
    let mut client = house.client();
    for _ in 0..10 {
        assert_eq!(client.post(PATH, &crate::house::chat_of("best")).header("x-keyward-provider"), Some("two"));
    }
    let before = house.calls_with("one-1");
    assert!(before < 10, "it was left alone after {before} calls");
    // Asked for by its own name, it is tried: there is nobody else.
    let alone = crate::house::chat_of("one/gpt-4o-mini");
    assert_eq!(client.post(PATH, &alone).status, 502);
    assert!(house.calls_with("one-1") > before);
    house.provider.clear_script();
    assert_eq!(client.post(PATH, &alone).status, 200, "and serves as soon as it can");
}
