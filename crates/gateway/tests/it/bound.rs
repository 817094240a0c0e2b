//! K07: state that an account holds never crosses to another account.

use keyward_domain::routing::Strategy;
use keyward_testkit::provider::{KeyBehaviour, Vendor, mint_secret};
use serde_json::json;

use crate::house::{Answer, House};

/// Four keys that are four accounts, used in turn.
fn four_accounts() -> House {
    let house = House::open();
    for name in ["openai-2", "openai-3", "openai-4"] {
        let secret = mint_secret(Vendor::OpenAi, name);
        house.provider.add_key_with(Vendor::OpenAi, name, &secret, KeyBehaviour::Valid);
        house.add_credential("openai", name, &secret);
    }
    house.set_strategy("openai", Strategy::RoundRobin);
    house
}

/// The scripted provider's ids depend on the request alone, so each begins differently.
fn begin(house: &House, number: usize) -> (String, String) {
    let body = json!({ "model": "gpt-4o-mini", "input": format!("Hello {number}") });
    let answer = house.client().post("/v1/responses", &body.to_string());
    assert_eq!(answer.status, 200, "{}", answer.text());
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    (id, answer.header("x-keyward-key").unwrap().to_owned())
}

fn go_on(house: &House, id: &str, streamed: bool) -> Answer {
    let body = json!({ "model": "gpt-4o-mini", "input": "And then?", "previous_response_id": id, "stream": streamed });
    house.client().post("/v1/responses", &body.to_string())
}

#[test]
fn k07_a_response_is_continued_in_the_account_that_made_it() {
    let house = four_accounts();
    let begun: Vec<_> = (0..4).map(|number| begin(&house, number)).collect();
    for round in 0..6 {
        for (id, key) in &begun {
            let answer = go_on(&house, id, round % 2 == 0);
            assert_eq!(answer.status, 200, "{}", answer.text());
            assert_eq!(answer.header("x-keyward-key"), Some(&**key));
        }
    }
}

#[test]
fn k07_a_response_of_an_account_that_is_gone_fails_clearly() {
    let house = four_accounts();
    let (id, key) = begin(&house, 0);
    house.disable(&key);
    let answer = go_on(&house, &id, false);
    assert_eq!((answer.status, answer.json()["error"]["code"].as_str()), (400, Some("affinity_unavailable")));
    let before = house.provider.requests_total();
    assert_eq!(go_on(&house, &id, true).status, 400);
    assert_eq!(house.provider.requests_total(), before, "nothing was sent to another account");
}

#[test]
fn k07_a_resting_account_is_waited_for_not_replaced() {
    let house = four_accounts();
    let (id, key) = begin(&house, 0);
    house.provider.set_behaviour(&key, &KeyBehaviour::rate_limited(1, Some(9)));
    let answer = go_on(&house, &id, false);
    assert_eq!((answer.status, answer.header("retry-after")), (429, Some("9")), "{}", answer.text());
    house.clock.advance(std::time::Duration::from_secs(10));
    house.provider.set_behaviour(&key, &KeyBehaviour::Valid);
    let answer = go_on(&house, &id, false);
    assert_eq!((answer.status, answer.header("x-keyward-key")), (200, Some(&*key)), "{}", answer.text());
}

#[test]
fn k07_what_nobody_knows_is_served_only_where_there_is_one_account() {
    let house = four_accounts();
    let answer = go_on(&house, "resp_of_another_world", false);
    assert_eq!((answer.status, answer.json()["error"]["code"].as_str()), (400, Some("affinity_unavailable")));
    assert!(answer.text().contains("quota_group"), "{}", answer.text());
    assert_eq!(house.provider.requests_total(), 0);
    for name in ["openai-1", "openai-2", "openai-3", "openai-4"] {
        house.change_key(name, |key| key.terms.quota_group = Some("acme".to_owned()));
    }
    assert_eq!(go_on(&house, "resp_of_another_world", false).status, 200);
}

#[test]
fn k07_references_to_two_accounts_are_refused_and_within_one_account_any_key_serves() {
    let house = four_accounts();
    let mut begun: Vec<_> = (0..4).map(|number| begin(&house, number)).collect();
    let (other, _) = begun.pop().unwrap();
    let (id, _) = begun.pop().unwrap();
    let both = json!({
        "model": "gpt-4o-mini", "previous_response_id": id,
        "input": [{ "type": "item_reference", "id": other }, { "role": "user", "content": "Hello" }],
    });
    let answer = house.client().post("/v1/responses", &both.to_string());
    assert_eq!((answer.status, answer.json()["error"]["code"].as_str()), (400, Some("affinity_unavailable")));
    for name in ["openai-1", "openai-2", "openai-3", "openai-4"] {
        house.change_key(name, |key| key.terms.quota_group = Some("acme".to_owned()));
    }
    assert_eq!(house.client().post("/v1/responses", &both.to_string()).status, 200);
    let keys: std::collections::BTreeSet<_> =
        (0..8).map(|_| go_on(&house, &id, false).header("x-keyward-key").unwrap().to_owned()).collect();
    assert!(keys.len() > 1, "{keys:?}");
}
