//! A70: what a provider says about time is believed within bounds.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use keyward_domain::judgement::{Lasts, Trouble};
use keyward_domain::provider::ProviderKind;
use keyward_provider::judgement::{MAX_METER, MAX_MOMENT, MIN_REST};
use keyward_provider::retry_after::MAX_WAIT;
use keyward_provider::{Asked, judgement};
use proptest::prelude::*;

use super::cases::NOW;

const LIMITED: &[u8] = br#"{"error":{"message":"Rate limit reached","type":"requests","code":"rate_limit_exceeded"}}"#;

fn judged(kind: ProviderKind, status: u16, pairs: &[(&str, &str)], body: &[u8]) -> (Lasts, Trouble) {
    let status = StatusCode::from_u16(status).expect("a status");
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        let name: HeaderName = name.parse().expect("a name");
        headers.append(name, HeaderValue::from_bytes(value.as_bytes()).expect("a value"));
    }
    let judged = judgement(&Asked { kind, status, headers: &headers, body, overrides: &[], now: NOW });
    (judged.lasts, judged.trouble)
}

fn rest(retry_after: &str) -> Lasts {
    judged(ProviderKind::OpenAi, 429, &[("retry-after", retry_after)], LIMITED).0
}

fn after(length: Duration) -> Lasts {
    Lasts::Until(NOW.plus(length))
}

#[test]
fn a70_a_momentary_limit_rests_between_a_tenth_of_a_second_and_five_minutes() {
    assert_eq!(rest("7"), after(Duration::from_secs(7)));
    assert_eq!(rest("0.25"), after(Duration::from_millis(250)));
    assert_eq!(rest("Fri, 20 Nov 2026 07:41:00 GMT"), after(Duration::from_mins(1)));
    for nothing in ["0", "0.0001", "-1", "-99999999", "Fri, 20 Nov 2020 07:41:00 GMT", "1"] {
        let Lasts::Until(until) = rest(nothing) else { panic!("{nothing} is a time") };
        assert!((MIN_REST..=Duration::from_secs(1)).contains(&until.since(NOW)), "{nothing}");
    }
    for absurd in ["301", "99999999", "99999999999999999999999", "Fri, 20 Nov 2099 07:41:00 GMT", "4102444800"] {
        assert_eq!(rest(absurd), after(MAX_MOMENT), "{absurd}");
    }
    for garbage in ["", "soon", "1e3", "NaN", "\u{fc}", "\u{1}"].into_iter().filter(|text| !text.contains('\u{1}')) {
        assert_eq!(rest(garbage), Lasts::Moment, "{garbage}");
    }
}

#[test]
fn a70_a_failing_provider_is_held_to_the_same_bounds() {
    let (lasts, trouble) = judged(ProviderKind::Anthropic, 529, &[("retry-after", "86400")], b"");
    assert_eq!((lasts, trouble), (after(MAX_MOMENT), Trouble::Overloaded));
}

#[test]
fn a70_a_used_up_quota_is_believed_for_hours_but_not_for_ever() {
    let day = br#"{"message":"Requests per day limit exceeded","code":"request_quota_exceeded"}"#;
    let kind = ProviderKind::OpenAiCompatible;
    let lasts = |retry_after| judged(kind, 429, &[("retry-after", retry_after)], day).0;
    assert_eq!(lasts("36000"), after(Duration::from_hours(10)));
    assert_eq!(lasts("99999999999"), after(MAX_WAIT));
    // Back at once would be no quota: asked again in an hour.
    assert_eq!(lasts("-1"), after(Duration::from_hours(1)));
    assert_eq!(lasts("garbage"), after(Duration::from_hours(1)));
}

#[test]
fn a70_the_meter_that_is_empty_counts_and_not_the_nearest_one() {
    let pairs = [
        ("x-ratelimit-remaining-requests", "5"),
        ("x-ratelimit-reset-requests", "1h"),
        ("x-ratelimit-remaining-tokens", "0"),
        ("x-ratelimit-reset-tokens", "2s"),
        ("x-ratelimit-remaining-project-tokens", "0"),
        ("x-ratelimit-reset-project-tokens", "9s"),
    ];
    let (lasts, trouble) = judged(ProviderKind::OpenAi, 429, &pairs, LIMITED);
    assert_eq!((lasts, trouble), (after(Duration::from_secs(9)), Trouble::RateLimited));
    let long = [("x-ratelimit-remaining-requests", "0"), ("x-ratelimit-reset-requests", "15h7m12s")];
    let (lasts, trouble) = judged(ProviderKind::OpenAi, 429, &long, LIMITED);
    assert_eq!((lasts, trouble), (after(Duration::from_secs(54_432)), Trouble::QuotaExhausted));
    let absurd = [("x-ratelimit-remaining-requests", "0"), ("x-ratelimit-reset-requests", "4102444800")];
    assert_eq!(judged(ProviderKind::OpenAi, 429, &absurd, LIMITED).0, after(MAX_METER));
    // A failure is not a limit, whatever the meters say; and a reset of nothing is not known.
    assert_eq!(judged(ProviderKind::OpenAi, 502, &long, b"").0, Lasts::Moment);
    let unknown = [("x-ratelimit-remaining-tokens", "0"), ("x-ratelimit-reset-tokens", "0")];
    assert_eq!(judged(ProviderKind::OpenAi, 429, &unknown, LIMITED).0, Lasts::Moment);
}

#[test]
fn a70_what_a_person_has_to_mend_is_not_hurried_by_a_header() {
    let body = br#"{"error":{"type":"insufficient_quota","code":"insufficient_quota","message":"Try again in 1s"}}"#;
    let (lasts, trouble) = judged(ProviderKind::OpenAi, 429, &[("retry-after", "1")], body);
    assert_eq!((lasts, trouble), (Lasts::Human, Trouble::QuotaExhausted));
}

fn names() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "retry-after",
        "retry-after-ms",
        "x-amz-retry-after",
        "date",
        "x-should-retry",
        "x-amzn-errortype",
        "x-ratelimit-limit",
        "x-ratelimit-remaining",
        "x-ratelimit-reset",
        "x-ratelimit-remaining-tokens",
        "x-ratelimit-reset-tokens",
        "anthropic-ratelimit-requests-remaining",
        "anthropic-ratelimit-requests-reset",
    ])
}

fn values() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~]{0,40}",
        "-?[0-9]{1,25}",
        "[0-9]{1,12}\\.[0-9]{0,12}",
        "([0-9]{1,6}(ms|s|m|h|d)){1,4}",
        "[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9]Z",
        Just("0".to_owned()),
        Just("Fri, 20 Nov 2026 07:41:00 GMT".to_owned()),
    ]
}

fn bodies() -> impl Strategy<Value = String> {
    let code = "insufficient_quota|rate_limit_exceeded|RESOURCE_EXHAUSTED|request_quota_exceeded|[a-z_]{0,20}";
    prop_oneof![
        ".{0,200}",
        (code, ".{0,60}", values()).prop_map(|(code, message, time)| {
            let message = format!("{message} per day. Please try again in {time}");
            serde_json::json!({"error": {"code": code, "message": message, "details": [{"retryDelay": time}],
                "metadata": {"resets_at": time, "reasons": [1, "x"]}, "availability": {"retry_after": 1e300}}})
            .to_string()
        }),
    ]
}

proptest! {
    #[test]
    fn a70_nothing_that_comes_makes_it_fall_over_or_believe_the_impossible(
        pairs in prop::collection::vec((names(), values()), 0..6),
        body in bodies(),
        status in 200_u16..600,
        kind in prop::sample::select(ProviderKind::ALL.to_vec()),
    ) {
        let pairs: Vec<_> = pairs.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let (lasts, trouble) = judged(kind, status, &pairs, body.as_bytes());
        if let Lasts::Until(until) = lasts {
            let left = until.since(NOW);
            let longest = match trouble {
                Trouble::QuotaExhausted => MAX_WAIT,
                Trouble::ModelMissing | Trouble::Rejected => Duration::from_hours(1),
                _ => MAX_MOMENT,
            };
            prop_assert!(until > NOW && left >= MIN_REST && left <= longest, "{:?} {:?}", left, trouble);
        }
    }
}
