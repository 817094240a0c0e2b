//! Several keys, several attempts, one honest account of each.

use keyward_domain::ledger::AttemptOutcome;
use keyward_domain::money::Nanodollars;
use keyward_domain::routing::Strategy;
use keyward_domain::usage::UsageSource;
use keyward_testkit::provider::{Close, Fault, KeyBehaviour, Vendor, VendorError, mint_secret};

use crate::budgets::USD;
use crate::house::House;

const CHAT: &str = r#"{"model":"gpt-4o-mini","messages":[{"role":"user","content":"Hello"}]}"#;

fn two_keys(first: &KeyBehaviour) -> House {
    let house = House::open();
    let secret = mint_secret(Vendor::OpenAi, "openai-2");
    house.provider.add_key_with(Vendor::OpenAi, "openai-2", &secret, KeyBehaviour::Valid);
    house.add_credential("openai", "openai-2", &secret);
    house.provider.set_behaviour("openai-1", first);
    house.publish();
    house
}

#[test]
fn m11_a_call_that_fell_back_has_one_line_per_attempt() {
    let mut house = two_keys(&KeyBehaviour::revoked());
    // Of two calls exactly one meets the revoked key first.
    house.set_strategy("openai", Strategy::RoundRobin);
    let answers: Vec<_> = (0..2).map(|_| house.client().post("/v1/chat/completions", CHAT)).collect();
    assert!(answers.iter().all(|answer| answer.status == 200 && answer.header("x-keyward-key") == Some("openai-2")));
    let mut attempts: Vec<_> = answers.iter().map(|answer| answer.header("x-keyward-attempts").unwrap()).collect();
    attempts.sort_unstable();
    assert_eq!(attempts, ["1", "2"]);
    let entries = house.entries();
    assert_eq!(entries.len(), 3);
    let failed: Vec<_> = entries.iter().filter(|entry| entry.outcome == AttemptOutcome::UpstreamError).collect();
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0].source, UsageSource::None);
    assert_eq!(failed[0].cost.unwrap().0, 0);
    assert_eq!(&*failed[0].subject.credential_name, "openai-1");
    assert_eq!(entries.iter().filter(|entry| entry.outcome == AttemptOutcome::Completed).count(), 2);
}

#[test]
fn round_robin_alternates_and_skips_disabled_keys() {
    let house = two_keys(&KeyBehaviour::Valid);
    house.set_strategy("openai", Strategy::RoundRobin);
    let mut client = house.client();
    let keys: Vec<_> =
        (0..4).map(|_| client.post("/v1/chat/completions", CHAT).header("x-keyward-key").unwrap().to_owned()).collect();
    assert_eq!(keys.iter().filter(|key| *key == "openai-1").count(), 2);
    house.disable("openai-1");
    let keys: Vec<_> =
        (0..4).map(|_| client.post("/v1/chat/completions", CHAT).header("x-keyward-key").unwrap().to_owned()).collect();
    assert!(keys.iter().all(|key| key == "openai-2"));
}

#[test]
fn all_keys_resting_says_until_when() {
    let house = two_keys(&KeyBehaviour::rate_limited(100, Some(7)));
    house.provider.set_behaviour("openai-2", &KeyBehaviour::rate_limited(100, Some(30)));
    let answer = house.client().post("/v1/chat/completions", CHAT);
    assert_eq!(answer.status, 429, "{}", answer.text());
    assert_eq!(answer.header("retry-after"), Some("7"));
    assert_eq!(answer.json()["error"]["code"], "all_keys_cooling");
}

#[test]
fn no_usable_key_names_each_with_its_reason_and_no_secret() {
    let house = two_keys(&KeyBehaviour::revoked());
    house.provider.set_behaviour("openai-2", &KeyBehaviour::no_credit());
    let answer = house.client().post("/v1/chat/completions", CHAT);
    assert_eq!(answer.status, 503, "{}", answer.text());
    let message = answer.json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.contains("openai-1") && message.contains("openai-2"), "{message}");
    assert!(!message.contains(&mint_secret(Vendor::OpenAi, "openai-2")));
}

#[test]
fn a_client_error_is_passed_on_as_it_came_and_tried_once() {
    let mut house = two_keys(&KeyBehaviour::Valid);
    house.provider.script(Fault::refuse(VendorError::BadRequest("bad schema".into(), Some("tools".into()))).always());
    let answer = house.client().post("/v1/chat/completions", CHAT);
    assert_eq!(answer.status, 400);
    assert_eq!(answer.json()["error"]["message"], "bad schema");
    assert_eq!(house.provider.requests().len(), 1);
    assert_eq!(house.entries().len(), 1);
}

#[test]
fn s02_an_echoed_provider_key_is_scrubbed() {
    let house = House::open();
    house.provider.script(Fault::status(400).echo_key());
    let answer = house.client().post("/v1/chat/completions", CHAT);
    assert_eq!(answer.status, 400);
    assert!(!answer.text().contains(&mint_secret(Vendor::OpenAi, "openai-1")), "{}", answer.text());
}

#[test]
fn s02_an_echoed_provider_key_is_scrubbed_from_headers_and_stream_errors() {
    let house = House::open();
    let key = mint_secret(Vendor::OpenAi, "openai-1");
    let bad = VendorError::BadRequest(format!("Odd key {key}."), None);
    for fault in [
        Fault::status(400).header("x-debug", &key),
        Fault::answer().header("x-debug", &format!("Bearer {key}")),
        Fault::answer().error_after(0, bad.clone()),
        Fault::answer().error_after(3, bad),
    ] {
        house.provider.script(fault.clone());
        let answer = house.client().post("/v1/chat/completions", &CHAT.replacen('{', "{\"stream\":true,", 1));
        assert!(!answer.text().contains(&key) && !format!("{answer:?}").contains(&key), "{fault:?}");
        assert_eq!(house.provider.faults_left(), 0);
    }
}

#[test]
fn a_redirect_is_refused_and_not_followed() {
    let elsewhere = House::open();
    let mut house = House::open();
    house.provider.script(Fault::redirect(307, &format!("{}/v1/chat/completions", elsewhere.provider.url())));
    let answer = house.client().post("/v1/chat/completions", CHAT);
    assert_eq!((answer.status, answer.json()["error"]["code"].as_str()), (502, Some("upstream_redirect")));
    assert_eq!(elsewhere.provider.requests_total(), 0);
    assert_eq!(house.entries().len(), 1);
}

#[test]
fn a_page_of_html_or_half_a_json_is_no_answer() {
    let mut house = House::with(|options| options.attempts.max = 1);
    // Ids sort by time, and the clock is ours.
    for fault in [Fault::html(), Fault::answer().cut_at(40, keyward_testkit::provider::Close::Fin)] {
        house.provider.script(fault);
        let answer = house.client().post("/v1/chat/completions", CHAT);
        assert_eq!(answer.status, 502, "{}", answer.text());
        house.clock.advance(std::time::Duration::from_millis(1));
    }
    let entries = house.entries();
    assert_eq!(entries.len(), 2);
    assert!(entries.iter().all(|entry| entry.source == UsageSource::Estimated && entry.status == 200));
    assert_eq!(entries[0].outcome, AttemptOutcome::UpstreamError);
    assert_eq!(entries[1].outcome, AttemptOutcome::Cut);
}

#[test]
fn nobody_listening_is_an_upstream_error_that_costs_nothing() {
    let mut house = House::open();
    house.add_provider("gone", keyward_domain::provider::ProviderKind::OpenAiCompatible, "http://127.0.0.1:9/v1", None);
    house.add_credential("gone", "gone-1", &["not", "a", "key"].join("-"));
    house.publish();
    let answer = house.client().post("/v1/chat/completions", &CHAT.replace("gpt-4o-mini", "gone/m"));
    assert_eq!((answer.status, answer.json()["error"]["code"].as_str()), (502, Some("upstream_error")));
    let entries = house.entries();
    assert_eq!(entries[0].outcome, AttemptOutcome::NotSent);
    assert_eq!(entries[0].cost.unwrap().0, 0);
}

#[test]
fn a_model_that_no_key_has_is_404_and_not_retried_by_clients() {
    let house = two_keys(&KeyBehaviour::Valid);
    let answer = house.client().post("/v1/chat/completions", &CHAT.replace("gpt-4o-mini", "openai/nobody-has-this"));
    assert_eq!(
        (answer.status, answer.json()["error"]["code"].as_str()),
        (404, Some("model_not_found")),
        "{}",
        answer.text()
    );
}

#[test]
fn a_long_error_body_is_passed_on_as_far_as_it_goes() {
    let house = House::open();
    let long = format!("{{\"error\":{{\"message\":\"{}\"}}}}", "x".repeat(2 << 20));
    house.provider.script(Fault::status(400).body("application/json", long));
    let answer = house.client().post("/v1/chat/completions", CHAT);
    assert_eq!((answer.status, answer.body.len()), (400, 1 << 20));
}

#[test]
fn a87_two_attempts_of_one_call_that_are_both_billed_are_one_answer_and_two_cost_lines() {
    let mut house = House::with_keys(2);
    house.provider.set_cache(false);
    let budget = house.put_global(USD);
    // The provider has worked and bills for it, but its answer breaks off before anything of it was passed on.
    house.provider.script(Fault::answer().cut_at(30, Close::Reset));
    let answer = house.chat();
    assert_eq!((answer.status, answer.header("x-keyward-attempts")), (200, Some("2")), "{}", answer.text());
    assert_eq!(answer.json()["object"], "chat.completion", "one whole answer");
    let bill = house.provider.bill();
    assert_eq!(bill.len(), 2);
    house.settle();
    let balance = house.own_balance(&budget);
    let entries = house.entries();
    let outcomes: Vec<_> = entries.iter().map(|entry| (entry.subject.attempt.number, entry.outcome)).collect();
    assert_eq!(outcomes, [(1, AttemptOutcome::Cut), (2, AttemptOutcome::Completed)]);
    assert!(entries.iter().all(|entry| entry.subject.attempt.request == entries[0].subject.attempt.request));
    assert!(entries.iter().all(|entry| entry.cost.is_some_and(|cost| cost > Nanodollars::ZERO)), "{entries:?}");
    assert_eq!(entries[0].source, UsageSource::Estimated);
    let seen = (entries[1].usage.prompt_tokens(), entries[1].usage.completion_tokens());
    assert_eq!(seen, (bill[1].input(), bill[1].output));
    assert_eq!(balance.spent, entries.iter().filter_map(|entry| entry.cost).sum());
}
