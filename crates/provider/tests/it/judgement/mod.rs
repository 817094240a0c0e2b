//! K01: every answer of every provider means who is to blame, for how long, and what follows.

mod calendar;
mod cases;
mod clamp;
mod in_band;
mod overriding;

use std::collections::BTreeSet;

use http::{HeaderMap, StatusCode};
use keyward_domain::judgement::{Blame, Judgement, Lasts, Next, Trouble};
use keyward_domain::provider::ProviderKind;
use keyward_provider::judgement::{Rule, rule, tables};
use keyward_provider::{Asked, NotAnswered, judgement, not_answered};
use serde_json::Value;

use cases::{NOW, all, words};

fn asked(kind: ProviderKind, status: u16, headers: &HeaderMap, body: &[u8]) -> Judgement {
    let status = StatusCode::from_u16(status).expect("a status");
    judgement(&Asked { kind, status, headers, body, overrides: &[], now: NOW })
}

#[test]
fn k01_every_recorded_answer_means_what_the_tables_say() {
    let cases = all();
    for case in &cases {
        let judged = case.judged();
        assert_eq!(words(&judged), case.line["means"], "{}\n{judged:?}", case.line);
        let known = case.line.get("known").and_then(Value::as_bool).unwrap_or(true);
        assert_eq!(judged.known, known, "{}", case.line);
        assert!(!judged.reason.is_empty());
    }
    assert!(cases.len() >= 60, "K01 wants at least 60 bodies, there are {}", cases.len());
}

#[test]
fn k01_every_provider_of_the_catalog_has_recorded_answers() {
    let cases = all();
    let of_vendors: BTreeSet<_> = cases.iter().filter_map(|case| case.line.get("who")?.as_str()).collect();
    let known: BTreeSet<_> = keyward_provider::openai_compatible::PRESETS.iter().map(|preset| preset.name).collect();
    let later = ["azure", "bedrock", "cohere", "vllm"];
    for who in known.iter().chain(&later) {
        assert!(of_vendors.contains(who), "no recorded answer of {who}");
    }
}

#[test]
fn k01_every_rule_is_shown_by_a_recorded_answer_or_names_its_source() {
    let cases = all();
    let shown: Vec<_> = cases.iter().filter_map(|case| rule(&case.asked())).collect();
    let rules: Vec<_> = ProviderKind::ALL.into_iter().flat_map(tables).flatten().collect();
    let is_shown = |rule: &Rule| shown.iter().any(|other| std::ptr::eq(*other, rule));
    let unproved: Vec<_> = rules.iter().filter(|rule| !is_shown(rule) && rule.source.is_empty()).collect();
    assert!(unproved.is_empty(), "no answer shows, and nothing documents: {unproved:#?}");
    let both: Vec<_> = rules.iter().filter(|rule| is_shown(rule) && !rule.source.is_empty()).collect();
    assert!(both.is_empty(), "an answer shows it, so the source can go: {both:#?}");
}

#[test]
fn k01_no_rule_hides_behind_one_that_always_fits_first() {
    for kind in ProviderKind::ALL {
        let rules: Vec<_> = tables(kind).into_iter().flatten().collect();
        for (at, rule) in rules.iter().enumerate() {
            let same = |other: &&&Rule| {
                (other.status, other.code, other.kind, other.text) == (rule.status, rule.code, rule.kind, rule.text)
            };
            // Tables of other vendors may say the same again; within one of them it would be a slip.
            let earlier = rules.iter().take(at).find(same);
            assert!(earlier.is_none_or(|earlier| earlier.then == rule.then), "{rule:?} hides behind {earlier:?}");
        }
    }
}

#[test]
fn k01_what_is_the_requests_own_fault_is_never_tried_with_another_key() {
    for kind in ProviderKind::ALL {
        for rule in tables(kind).into_iter().flatten() {
            let is_final = matches!(rule.then.next, Next::Use | Next::GiveUp);
            assert_eq!(rule.then.blame == Blame::Request, is_final, "{rule:?}");
        }
    }
}

#[test]
fn k01_a_good_answer_is_used() {
    for kind in ProviderKind::ALL {
        for body in ["", "{}", "not json", r#"{"choices":[],"error":null}"#, r#"{"error":"","type":"message"}"#] {
            let judged = asked(kind, 200, &HeaderMap::new(), body.as_bytes());
            assert_eq!((judged.blame, judged.next), (Blame::Request, Next::Use), "{body}");
        }
    }
}

#[test]
fn s04_a_redirect_is_never_followed_nor_passed_on() {
    for kind in ProviderKind::ALL {
        for status in [301, 302, 303, 307, 308, 103] {
            let judged = asked(kind, status, &HeaderMap::new(), b"");
            assert_eq!((judged.next, judged.trouble), (Next::GiveUp, Trouble::Unusable));
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
        for body in odd {
            for status in [400, 404, 405, 406, 409, 410, 415, 418, 422, 425, 451] {
                let judged = asked(kind, status, &HeaderMap::new(), body);
                assert_eq!((judged.blame, judged.next), (Blame::Request, Next::Use), "{kind:?} {status} {body:?}");
                assert!(!judged.known);
            }
            for status in [500, 501, 503, 507, 599] {
                let judged = asked(kind, status, &HeaderMap::new(), body);
                assert_eq!(
                    (judged.blame, judged.lasts),
                    (Blame::Provider, Lasts::Moment),
                    "{kind:?} {status} {body:?}"
                );
                assert!(!judged.known);
            }
        }
    }
}

#[test]
fn k01_an_unknown_refusal_benches_a_whole_key_for_good_only_when_the_status_can_mean_nothing_else() {
    for kind in ProviderKind::ALL {
        let means = |status| words(&asked(kind, status, &HeaderMap::new(), br#"{"error":{"code":"of_tomorrow"}}"#));
        assert_eq!(means(401), "key human other_key rejected");
        assert_eq!(means(402), "account human other_account quota_exhausted");
        assert_eq!(means(403), "model_on_key moment other_key no_permission");
        assert_eq!(means(429), "model_on_key moment other_key rate_limited");
    }
}

#[test]
fn k01_an_error_body_beyond_all_measure_is_judged_by_its_status() {
    let mut body = br#"{"error":{"code":"insufficient_quota","message":""#.to_vec();
    body.resize(1024 * 1024, b'x');
    body.extend_from_slice(b"\"}}");
    let judged = asked(ProviderKind::OpenAi, 429, &HeaderMap::new(), &body);
    assert_eq!((judged.trouble, judged.known), (Trouble::RateLimited, false));
}

#[test]
fn k01_the_providers_own_advice_overrules_the_status() {
    let advice = |value: &'static str| {
        let mut headers = HeaderMap::new();
        headers.insert("x-should-retry", http::HeaderValue::from_static(value));
        headers
    };
    for kind in ProviderKind::ALL {
        assert_eq!(asked(kind, 500, &advice("false"), b"").next, Next::Use);
        assert_eq!(asked(kind, 418, &advice("true"), b"").next, Next::Retry);
        assert_eq!(asked(kind, 500, &advice("perhaps"), b"").next, Next::Retry);
    }
}

#[test]
fn k01_silence_is_the_networks_fault_and_no_keys() {
    for why in NotAnswered::ALL {
        let judged = not_answered(why);
        assert_eq!((judged.blame, judged.lasts), (Blame::Network, Lasts::Moment), "{why:?}");
        assert!(matches!(judged.next, Next::Retry | Next::OtherDeployment), "{why:?}");
        assert!(judged.known);
    }
    // F49, F50: nobody is there, so the next candidate is asked and not the same again.
    for why in [NotAnswered::Connect, NotAnswered::ConnectTimeout] {
        assert_eq!(not_answered(why).next, Next::OtherDeployment);
    }
}
