//! Errors inside good answers.

use http::{HeaderMap, StatusCode};
use keyward_domain::judgement::{Blame, Next};
use keyward_domain::provider::ProviderKind;
use keyward_provider::{Asked, in_band, judgement};

use super::cases::{NOW, words};

fn means(kind: ProviderKind, body: &str) -> Option<String> {
    in_band(kind, body.as_bytes(), &[], NOW).map(|judged| words(&judged))
}

#[test]
fn k01_content_is_no_error() {
    for kind in ProviderKind::ALL {
        for body in [
            "",
            "\"error\"",
            "\"error\":",
            ":\"error\"",
            "error",
            "[]",
            "null",
            "{}",
            r#"{"error":null,"id":"resp_1","status":"completed"}"#,
            r#"{"choices":[{"delta":{"content":"error"}}]}"#,
            r#"{"type":"content_block_delta","delta":{"text":"an error of {\"error\":1}"}}"#,
            r#"{"type":"response.completed","response":{"error":null,"output":["error"]}}"#,
            r#"{"error":{}}"#,
            r#"{"error" : null}"#,
            r#"{"tools":[{"required":["error"],"properties":{"error":{"type":"string"}}}]}"#,
            r#"{"choices":[{"finish_reason":"error"}]}"#,
        ] {
            assert_eq!(means(kind, body), None, "{body}");
        }
    }
}

#[test]
fn k01_an_error_inside_a_good_answer_means_the_same_as_with_a_status() {
    let overloaded = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
    let judged = in_band(ProviderKind::Anthropic, overloaded.as_bytes(), &[], NOW).expect("an error");
    assert_eq!(words(&judged), "provider moment other_deployment overloaded");
    let headers = HeaderMap::new();
    let with = |status| Asked {
        kind: ProviderKind::Anthropic,
        status,
        headers: &headers,
        body: overloaded.as_bytes(),
        overrides: &[],
        now: NOW,
    };
    let status = StatusCode::from_u16(529).expect("a status");
    assert_eq!(judgement(&with(status)), judged);
    assert_eq!(judgement(&with(StatusCode::OK)), judged, "the same door finds it");
}

#[test]
fn k01_an_unknown_error_inside_a_good_answer_is_the_providers_failure() {
    for kind in ProviderKind::ALL {
        let judged = in_band(kind, br#"{"error":{"message":"boom"}}"#, &[], NOW).expect("an error");
        assert_eq!((judged.blame, judged.next, judged.known), (Blame::Provider, Next::Retry, false));
    }
    // A word that means something with a status means nothing without one.
    for message in ["the model broke off", "credit card numbers are not repeated", "unauthorized words", "a trial"] {
        let body = serde_json::json!({"error": {"message": message}}).to_string();
        let means = means(ProviderKind::OpenAiCompatible, &body);
        assert_eq!(means.as_deref(), Some("provider moment retry failed"), "{message}");
    }
    // Nor is a limit taken for something that only another status would make of it.
    let limited = r#"{"error":{"code":"rate_limit_exceeded","message":"Try again in 2s"}}"#;
    let means_limited = means(ProviderKind::OpenAiCompatible, limited);
    assert_eq!(means_limited.as_deref(), Some("model_on_key +2000ms other_account rate_limited"));
    let exhausted = means(ProviderKind::Gemini, r#"{"event_type":"error","error":{"code":"resource_exhausted"}}"#);
    assert_eq!(exhausted.as_deref(), Some("model_on_key moment other_account rate_limited"));
    // A phrase says enough.
    let spent = means(ProviderKind::OpenAiCompatible, r#"{"error":"Your team has used all available credits."}"#);
    assert_eq!(spent.as_deref(), Some("account human other_account quota_exhausted"));
    // One that names a status is judged by that.
    let limited = means(ProviderKind::OpenAi, r#"{"error":{"code":429,"message":"boom"}}"#);
    assert_eq!(limited.as_deref(), Some("model_on_key moment other_key rate_limited"));
}

#[test]
fn k01_a_large_body_is_not_searched_for_errors() {
    let body = format!(r#"{{"error":{{"message":"boom"}},"pad":"{}"}}"#, "x".repeat(64 * 1024));
    assert_eq!(means(ProviderKind::OpenAi, &body), None);
}
