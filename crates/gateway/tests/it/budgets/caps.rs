//! M02: nothing is forwarded uncapped against a budget.

use keyward_domain::budget::{Budget, HoldMode};
use keyward_domain::scope::{Reach, Scope};

use super::{USD, budget};
use crate::house::{CHAT, House, PATH, code};

/// What a token of gpt-4o-mini's output costs at the most, in nano-dollars (its dearest class of service).
const DEAREST_OUTPUT: i64 = 1_000;

fn sent_cap(house: &House) -> Option<u64> {
    let sent = house.provider.requests().pop().unwrap().json();
    sent["max_completion_tokens"].as_u64().or(sent["max_tokens"].as_u64())
}

#[test]
fn m02_without_a_cap_the_provider_is_told_what_fits() {
    for cents in [1, 5, 20] {
        let house = House::with_keys(1);
        let budget = house.put_global(cents * USD / 1000);
        let answer = house.client().post(PATH, CHAT);
        assert_eq!(answer.status, 200, "{}", answer.text());
        let cap = sent_cap(&house).expect("a cap is sent");
        let most = i64::try_from(cap).unwrap() * DEAREST_OUTPUT;
        assert!(most <= budget.amount.0, "{cap} tokens may cost {most}, there was {}", budget.amount);
        assert!(cents == 20 || most * 10 >= budget.amount.0 * 4, "{cap} tokens waste most of {}", budget.amount);
    }
}

#[test]
fn m02_what_does_not_fit_is_refused_with_a_reason() {
    let house = House::with_keys(1);
    // Less than the prompt and the shortest useful answer.
    house.put_global(10_000);
    let answer = house.client().post(PATH, CHAT);
    assert_eq!((answer.status, code(&answer)), (402, "budget_exceeded".to_owned()));
    assert!(answer.text().contains("Send a smaller request"), "{}", answer.text());
    assert_eq!(house.provider.requests_total(), 0);
}

#[test]
fn m02_a_cap_of_the_clients_own_stays_as_it_is_when_it_fits() {
    let house = House::with_keys(1);
    house.put_global(USD);
    let body = CHAT.replacen('{', r#"{"max_tokens":123,"#, 1);
    assert_eq!(house.client().post(PATH, &body).status, 200);
    assert_eq!(house.provider.requests()[0].json()["max_tokens"], 123);
    assert_eq!(house.provider.requests()[0].body, body.as_bytes());
}

#[test]
fn m02_a_cap_beyond_the_models_own_is_held_and_told_as_the_models() {
    for (hold, stream) in [(HoldMode::Strict, false), (HoldMode::Adaptive, false), (HoldMode::Adaptive, true)] {
        let house = House::with_keys(1);
        house.put_budget(&Budget { hold, ..budget(1, Reach::One(Scope::Global), USD / 10) });
        let body = CHAT.replacen('{', &format!(r#"{{"stream":{stream},"max_tokens":1000000,"#), 1);
        assert_eq!(house.client().post(PATH, &body).status, 200);
        assert_eq!(house.provider.requests()[0].json()["max_tokens"], 16_384, "{hold:?}, stream: {stream}");
    }
}

#[test]
fn m02_a_strict_budget_refuses_a_cap_that_does_not_fit() {
    let house = House::with_keys(1);
    house.put_global(USD / 1000);
    let body = CHAT.replacen('{', r#"{"max_tokens":16000,"#, 1);
    assert_eq!(house.client().post(PATH, &body).status, 402);
    assert_eq!(house.provider.requests_total(), 0);
}

#[test]
fn m02_one_strict_budget_of_several_is_enough_to_want_all_of_it_held() {
    use HoldMode::{Adaptive, Strict};
    for (caller, server, status) in [(Adaptive, Adaptive, 200), (Strict, Adaptive, 402), (Adaptive, Strict, 402)] {
        let house = House::with_keys(1);
        // Enough for the beginning of a stream, not for the longest answer that the client allows.
        let of = |number, scope, hold| Budget { hold, ..budget(number, Reach::One(scope), USD / 100) };
        house.put_budget(&of(1, Scope::Global, caller));
        let records = keyward_domain::port::Store::load(&*house.store).unwrap();
        house.put_budget(&of(2, Scope::Provider(records.providers[0].id), server));
        let body = CHAT.replacen('{', r#"{"stream":true,"max_tokens":16000,"#, 1);
        assert_eq!(house.client().post(PATH, &body).status, status, "{caller:?} {server:?}");
        assert_eq!(house.provider.requests_total(), u64::from(status == 200));
    }
}

#[test]
fn m02_an_adaptive_budget_lowers_a_large_cap() {
    let house = House::with_keys(1);
    let adaptive = Budget { hold: HoldMode::Adaptive, ..budget(1, Reach::One(Scope::Global), USD / 100) };
    house.put_budget(&adaptive);
    // What fits as it is says nothing.
    let small = house.client().post(PATH, &CHAT.replacen('{', r#"{"max_tokens":16,"#, 1));
    assert_eq!((small.status, small.header("x-keyward-output-cap")), (200, None));
    let body = CHAT.replacen('{', r#"{"max_tokens":16000,"#, 1);
    let answer = house.client().post(PATH, &body);
    assert_eq!(answer.status, 200);
    let cap = house.provider.requests()[1].json()["max_tokens"].as_u64().unwrap();
    assert_eq!(answer.header("x-keyward-output-cap"), Some(&*cap.to_string()));
    assert!(house.metrics.render().contains("keyward_lowered_caps_total 1\n"));
    assert!((64..16_000).contains(&cap), "{cap}");
    assert!(i64::try_from(cap).unwrap() * DEAREST_OUTPUT <= adaptive.amount.0);
}

#[test]
fn m02_answers_asked_for_at_once_are_held_and_told_together() {
    let house = House::with_keys(1);
    let adaptive = Budget { hold: HoldMode::Adaptive, ..budget(1, Reach::One(Scope::Global), USD / 100) };
    house.put_budget(&adaptive);
    // Each may be 2,000 tokens long: not much, but eight of them are more than there is.
    let body = CHAT.replacen('{', r#"{"n":8,"max_tokens":2000,"#, 1);
    assert_eq!(house.client().post(PATH, &body).status, 200);
    let cap = house.provider.requests()[0].json()["max_tokens"].as_i64().unwrap();
    assert_eq!(cap, 8_192 / 8);
    assert!(8 * cap * DEAREST_OUTPUT <= adaptive.amount.0);
}

#[test]
fn m02_a_picture_by_address_is_held_as_a_whole_window() {
    let house = House::with_keys(1);
    // 128,000 tokens of context at the dearest input rate are more than this; the body is only a few hundred bytes.
    house.put_global(USD / 100);
    let body = r#"{"model":"gpt-4o-mini","max_tokens":64,"messages":[{"role":"user","content":
        [{"type":"image_url","image_url":{"url":"https://pictures.example/a.png"}}]}]}"#;
    assert_eq!(house.client().post(PATH, body).status, 402);
    assert_eq!(house.client().post(PATH, &CHAT.replacen('{', r#"{"max_tokens":64,"#, 1)).status, 200);
}

#[test]
fn without_budgets_a_body_is_not_touched() {
    let house = House::with_keys(1);
    assert_eq!(house.client().post(PATH, CHAT).status, 200);
    assert_eq!(house.provider.requests()[0].body, CHAT.as_bytes());
    assert_eq!(house.counting.book.pending(), 0);
}
