//! The operator's own rules go before the tables.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, StatusCode};
use keyward_domain::judgement::{Judgement, RuleOverride};
use keyward_domain::provider::ProviderKind;
use keyward_provider::{Asked, in_band, judgement};
use serde_json::{Value, json};

use super::cases::{NOW, words};

const LIMITED: &str = r#"{"error":{"message":"Slow down, please","type":"requests","code":"rate_limit_exceeded"}}"#;

fn rules(rules: &Value) -> Vec<RuleOverride> {
    let rules: Vec<RuleOverride> = serde_json::from_value(rules.clone()).expect("rules");
    assert_eq!(RuleOverride::check_all(&rules), Ok(()));
    rules
}

fn judged(own: &Value, status: u16) -> Judgement {
    let status = StatusCode::from_u16(status).expect("a status");
    let mut headers = HeaderMap::new();
    headers.insert("retry-after", HeaderValue::from_static("7"));
    let body = LIMITED.as_bytes();
    judgement(&Asked { kind: ProviderKind::OpenAi, status, headers: &headers, body, overrides: &rules(own), now: NOW })
}

fn means(own: &Value) -> String {
    words(&judged(own, 429))
}

#[test]
fn k01_an_override_goes_before_the_tables() {
    let by_table = "model_on_key +7000ms other_account rate_limited";
    assert_eq!(means(&json!([])), by_table);
    let account = json!([{"code": "RATE_LIMIT_EXCEEDED", "blame": "account", "lasts": "30s"}]);
    assert_eq!(means(&account), "account +30000ms other_account rate_limited");
    let stated = json!([{"contains": "slow DOWN", "blame": "key", "lasts": "moment"}]);
    assert_eq!(means(&stated), "key +7000ms other_key rate_limited");
    let human = json!([{"status": 429, "blame": "key", "lasts": "human", "reason": "our plan is over"}]);
    assert_eq!(means(&human), "key human other_key rejected");
    assert_eq!(judged(&human, 429).reason, "our plan is over");
    let long = json!([{"code": "requests", "blame": "model_on_key", "lasts": "6h"}]);
    assert_eq!(words(&judged(&long, 429)).replace("+21600000ms", "6h"), "model_on_key 6h other_key quota_exhausted");
    let all = json!([{"status": 429, "blame": "model", "lasts": "moment", "next": "give_up", "trouble": "failed"}]);
    assert_eq!(means(&all), "model +7000ms give_up failed");
}

#[test]
fn k01_every_part_of_an_override_has_to_fit_and_the_first_wins() {
    let by_table = means(&json!([]));
    for misses in [
        json!([{"status": 500, "code": "rate_limit_exceeded", "blame": "key", "lasts": "human"}]),
        json!([{"status": 429, "code": "something_else", "blame": "key", "lasts": "human"}]),
        json!([{"status": 429, "contains": "hurry", "blame": "key", "lasts": "human"}]),
        json!([{"status": 200, "blame": "key", "lasts": "human"}]),
    ] {
        assert_eq!(means(&misses), by_table, "{misses}");
    }
    let both = json!([
        {"status": 429, "contains": "slow", "blame": "provider", "lasts": "1s"},
        {"status": 429, "blame": "key", "lasts": "human"},
    ]);
    assert_eq!(means(&both), "provider +1000ms other_deployment failed");
}

#[test]
fn k01_an_override_may_be_about_an_error_inside_a_good_answer() {
    let own = rules(&json!([{"status": 200, "contains": "down", "blame": "account", "lasts": "human"}]));
    let judged = in_band(ProviderKind::OpenAi, LIMITED.as_bytes(), &own, NOW).expect("an error");
    assert_eq!(words(&judged), "account human other_account quota_exhausted");
}

#[test]
fn k01_nothing_rests_for_one_request_whatever_an_override_says() {
    let own = json!([{"status": 429, "blame": "request", "lasts": "human"}]);
    assert_eq!(means(&own), "request moment use bad_request");
}

#[test]
fn k01_an_override_makes_an_unknown_answer_known() {
    let own = json!([{"status": 418, "blame": "request", "lasts": "moment"}]);
    let teapot = judged(&own, 418);
    assert_eq!((words(&teapot).as_str(), teapot.known), ("request moment use bad_request", true));
    assert!(matches!(
        judged(&json!([{"status": 418, "blame": "key", "lasts": "1500ms"}]), 418).lasts.left(NOW),
        Some(left) if left == Duration::from_millis(1500)
    ));
}
