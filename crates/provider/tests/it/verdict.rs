//! K01, seeds: error bodies of every vendor and what they mean. The bodies are in `tests/errors`, one line each.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use keyward_domain::denial::Denial;
use keyward_domain::provider::ProviderKind;
use keyward_provider::{KeyTrouble, Verdict, judge};
use serde_json::Value;

fn cases(text: &str) -> Vec<Value> {
    serde_json::from_str(text).expect("the table is JSON")
}

fn headers_of(case: &Value) -> HeaderMap {
    let pairs = case.get("headers").and_then(Value::as_object).into_iter().flatten();
    pairs
        .map(|(name, value)| {
            let name: HeaderName = name.parse().expect("a header name");
            (name, HeaderValue::from_str(value.as_str().expect("a text")).expect("a header value"))
        })
        .collect()
}

fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Use => "use",
        Verdict::NextKey { key, .. } => key.as_str(),
        Verdict::NextDeployment { .. } => "next_deployment",
        Verdict::GiveUp { .. } => "give_up",
    }
}

fn check(kind: ProviderKind, table: &str) -> usize {
    let cases = cases(table);
    for case in &cases {
        let status = case["status"].as_u64().and_then(|s| u16::try_from(s).ok()).expect("a status");
        let body = match case.get("body") {
            Some(body) => body.to_string(),
            None => case["text"].as_str().expect("a body or a text").to_owned(),
        };
        let status = StatusCode::from_u16(status).expect("a status");
        let verdict = judge(kind, status, &headers_of(case), body.as_bytes());
        assert_eq!(word(&verdict), case["expect"], "{case}\n{verdict:?}");
        if let Verdict::NextKey { key: KeyTrouble::RateLimited { retry_after }, .. } = verdict {
            let wait = retry_after.map(|wait| u64::try_from(wait.as_millis()).expect("short"));
            assert_eq!(wait, case.get("wait_ms").and_then(Value::as_u64), "{case}");
        }
    }
    cases.len()
}

#[test]
fn k01_every_known_error_means_what_the_tables_say() {
    let seen = check(ProviderKind::OpenAi, include_str!("../errors/openai.json"))
        + check(ProviderKind::Anthropic, include_str!("../errors/anthropic.json"))
        + check(ProviderKind::Gemini, include_str!("../errors/gemini.json"))
        + check(ProviderKind::OpenAiCompatible, include_str!("../errors/openai_compatible.json"));
    assert!(seen >= 60, "K01 wants at least 60 bodies, there are {seen}");
}

#[test]
fn k01_a_good_answer_is_used_without_a_look_at_its_body() {
    let body = br#"{"error":{"code":"invalid_api_key"}}"#;
    for kind in ProviderKind::ALL {
        assert_eq!(judge(kind, StatusCode::OK, &HeaderMap::new(), body), Verdict::Use);
    }
}

#[test]
fn s04_a_redirect_is_never_followed_nor_passed_on() {
    for kind in ProviderKind::ALL {
        for status in [301, 302, 303, 307, 308] {
            let status = StatusCode::from_u16(status).unwrap();
            let verdict = judge(kind, status, &HeaderMap::new(), b"");
            assert_eq!(verdict, Verdict::GiveUp { denial: Denial::UpstreamRedirect });
        }
    }
}

#[test]
fn k01_what_nobody_knows_is_the_clients_to_see_and_hurts_no_key() {
    let odd: [&[u8]; 8] = [
        b"",
        b"\0\xff\xfe",
        b"[]",
        b"[[]]",
        b"null",
        b"{\"error\":null}",
        b"{\"error\":[1,2]}",
        b"{\"error\":{\"code\":{}}}",
    ];
    for kind in ProviderKind::ALL {
        for status in [400, 405, 406, 410, 415, 422, 451] {
            for body in odd {
                let status = StatusCode::from_u16(status).unwrap();
                assert_eq!(judge(kind, status, &HeaderMap::new(), body), Verdict::Use, "{kind:?} {status} {body:?}");
            }
        }
    }
}

#[test]
fn k01_an_error_body_beyond_all_measure_is_judged_by_its_status() {
    let mut body = br#"{"error":{"code":"insufficient_quota","message":""#.to_vec();
    body.resize(1024 * 1024, b'x');
    body.extend_from_slice(b"\"}}");
    let verdict = judge(ProviderKind::OpenAi, StatusCode::TOO_MANY_REQUESTS, &HeaderMap::new(), &body);
    assert_eq!(word(&verdict), "rate_limited");
}
