//! What one call may cause at most, and how it tells which way it took.

use std::time::Duration;

use keyward_domain::money::Nanodollars;
use keyward_domain::routing::Strategy;
use keyward_gateway::Options;
use keyward_testkit::provider::{Close, Fault, KeyBehaviour, Vendor, mint_secret};

use crate::house::House;

const CHAT: &str = r#"{"model":"gpt-4o-mini","messages":[{"role":"user","content":"Hello"}],"max_tokens":10}"#;

/// How many upstream calls a call makes whose answers all break off half-way.
fn calls_when_all_break_off(change: impl FnOnce(&mut Options)) -> u64 {
    let house = House::with(change);
    house.provider.script(Fault::answer().cut_at(40, Close::Fin).always());
    assert_eq!(house.client().post("/v1/chat/completions", CHAT).status, 502);
    house.provider.requests_total()
}

#[test]
fn k08_failed_attempts_are_bounded_by_number_time_and_money() {
    assert_eq!(calls_when_all_break_off(|_| {}), 4);
    assert_eq!(calls_when_all_break_off(|options| options.attempts.max = 2), 2);
    assert_eq!(calls_when_all_break_off(|options| options.attempts.total = Some(Duration::ZERO)), 1);
    let mut house = House::open();
    assert_eq!(house.client().post("/v1/chat/completions", CHAT).status, 200);
    let Nanodollars(one) = house.entries()[0].subject.reserved.unwrap();
    for (limit, calls) in [(one, 1), (2 * one, 2), (3 * one - 1, 2), (9 * one, 4)] {
        assert_eq!(calls_when_all_break_off(|options| options.attempts.cost = Some(Nanodollars(limit))), calls);
    }
}

#[test]
fn k12_a_client_that_may_ask_is_told_which_way_its_call_took() {
    for is_allowed in [false, true] {
        let house = House::with(|options| options.attempts.explain = is_allowed);
        let secret = mint_secret(Vendor::OpenAi, "openai-2");
        house.provider.add_key_with(Vendor::OpenAi, "openai-2", &secret, KeyBehaviour::Valid);
        house.add_credential("openai", "openai-2", &secret);
        house.set_strategy("openai", Strategy::Single);
        house.provider.set_behaviour("openai-1", &KeyBehaviour::no_credit());
        let answer = house.client().header("x-keyward-explain", "1").post("/v1/chat/completions", CHAT);
        let explained = answer.header("x-keyward-explain").unwrap_or_default();
        if is_allowed {
            let (first, second) = explained.split_once("; ").unwrap();
            assert!(first.starts_with("openai/openai-1: ") && first.len() > 20, "{explained}");
            assert_eq!(second, "openai/openai-2: served");
        } else {
            assert_eq!(explained, "");
        }
        assert!(house.provider.requests().iter().all(|request| request.header("x-keyward-explain").is_none()));
        let unasked = house.client().post("/v1/chat/completions", CHAT);
        assert_eq!(unasked.header("x-keyward-explain"), None);
    }
}
