//! K10, what requests see of it: keys come, drain and go while calls are under way, and nobody notices.

use std::time::Duration;

use keyward_domain::credential::CredentialState;
use keyward_domain::routing::Strategy;
use keyward_testkit::provider::{Fault, Vendor};

use crate::house::{CHAT, House, PATH, code, streamed};

#[test]
fn k10_a_draining_key_finishes_what_is_under_way_and_gets_nothing_new() {
    for state in
        [CredentialState::Draining, CredentialState::Disabled, CredentialState::Retired, CredentialState::Revoked]
    {
        let house = House::with_keys(2);
        house.set_strategy("openai", Strategy::Single);
        house.provider.script(Fault::answer().answer_tokens(6).stepped());
        let mut streaming = house.client();
        streaming.send("POST", PATH, streamed(CHAT).as_bytes());
        House::wait(house.provider.wait_for_stepping(1));
        house.change_key("key-1", |key| key.state = state);
        assert_eq!(house.chat().header("x-keyward-key"), Some("key-2"), "{state:?}");
        house.provider.step(6);
        let answer = streaming.head().finish();
        assert_eq!(answer.header("x-keyward-key"), Some("key-1"), "{state:?}");
        assert!(answer.text().contains("[DONE]"), "{state:?}");
        house.change_key("key-1", |key| key.state = CredentialState::Active);
        assert_eq!(house.chat().header("x-keyward-key"), Some("key-1"), "{state:?}: and back");
    }
}

#[test]
fn k10_a_key_goes_out_of_use_at_the_moment_it_expires() {
    let house = House::with_keys(2);
    house.set_strategy("openai", Strategy::Single);
    let expiry = house.moment().wall.plus(Duration::from_hours(1));
    house.change_key("key-1", |key| key.terms.expires_at = Some(expiry));
    house.clock.advance(Duration::from_hours(1).saturating_sub(Duration::from_millis(1)));
    assert_eq!(house.chat().header("x-keyward-key"), Some("key-1"));
    house.clock.advance(Duration::from_millis(1));
    assert_eq!(house.chat().header("x-keyward-key"), Some("key-2"), "nothing was published in between");
    house.disable("key-2");
    assert_eq!(code(&house.chat()), "no_usable_key");
}

#[test]
fn k10_a_rotation_under_load_fails_nobody() {
    let house = House::with_keys(2);
    let mut answers = Vec::new();
    for round in 3..23 {
        let mut clients: Vec<_> = (0..30).map(|_| house.client()).collect();
        for (number, client) in clients.iter_mut().enumerate() {
            client.send("POST", PATH, CHAT.replace("Hello", &format!("Hello {number} of {round}")).as_bytes());
            // In the middle of it a new key comes, the oldest one drains, and is gone a round later.
            if number == 10 {
                let name = format!("key-{round}");
                let secret = house.provider.add_key(Vendor::OpenAi, &name);
                house.add_credential("openai", &name, &secret);
                house.change_key(&format!("key-{}", round - 2), |key| key.state = CredentialState::Draining);
            }
            if number == 20 && round > 3 {
                house.change_key(&format!("key-{}", round - 3), |key| key.state = CredentialState::Retired);
            }
        }
        answers.extend(clients.iter_mut().map(|client| client.head().finish()));
        house.clock.advance(Duration::from_secs(1));
    }
    assert!(answers.iter().all(|answer| answer.status == 200 && answer.header("x-keyward-attempts") == Some("1")));
    assert_eq!(house.heard.events(), []);
    assert!(house.calls().len() >= 20, "every key had its time: {:?}", house.calls());
}

#[test]
fn k10_what_is_known_of_a_key_outlives_every_change_of_the_configuration() {
    let house = House::with_keys(2);
    house.set_strategy("openai", Strategy::Single);
    house.provider.set_behaviour("key-1", &keyward_testkit::provider::KeyBehaviour::rate_limited(1, Some(60)));
    assert_eq!(house.chat().header("x-keyward-key"), Some("key-2"));
    house.change_key("key-2", |key| key.terms.weight = 7);
    house.publish();
    assert_eq!(house.chat().header("x-keyward-attempts"), Some("1"), "key-1 still rests");
    house.clock.advance(Duration::from_mins(1));
    assert_eq!(house.chat().header("x-keyward-key"), Some("key-1"));
}
