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
            "error",
            "[]",
            "null",
            "{}",
            r#"{"error":null,"id":"resp_1","status":"completed"}"#,
            r#"{"choices":[{"delta":{"content":"error"}}]}"#,
            r#"{"type":"content_block_delta","delta":{"text":"an error of {\"error\":1}"}}"#,
            r#"{"type":"response.completed","response":{"error":null,"output":["error"]}}"#,
            r#"{"error":{}}"#,
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
    // One that names a status is judged by that.
    let limited = means(ProviderKind::OpenAi, r#"{"error":{"code":429,"message":"boom"}}"#);
    assert_eq!(limited.as_deref(), Some("model_on_key moment other_key rate_limited"));
}

#[test]
fn k01_a_large_body_is_not_searched_for_errors() {
    let body = format!(r#"{{"error":{{"message":"boom"}},"pad":"{}"}}"#, "x".repeat(64 * 1024));
    assert_eq!(means(ProviderKind::OpenAi, &body), None);
}
