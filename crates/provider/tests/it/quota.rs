//! What answers say is left, in every vendor's headers.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use keyward_domain::provider::ProviderKind;
use keyward_domain::quota::{Meter, Metered, Quota};
use keyward_domain::time::Timestamp;
use keyward_provider::quota;
use keyward_provider::retry_after::MAX_WAIT;
use proptest::prelude::*;

/// 2026-11-20T07:40:00Z.
const NOW: Timestamp = Timestamp::from_unix_millis(1_795_160_400_000);

fn read(kind: ProviderKind, pairs: &[(&str, &str)]) -> Quota {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    for (name, value) in pairs {
        let name: HeaderName = name.parse().expect("a name");
        headers.append(name, HeaderValue::from_bytes(value.as_bytes()).expect("a value"));
    }
    quota(kind, &headers, NOW)
}

fn meters(quota: &Quota) -> Vec<Meter> {
    quota.meters().copied().collect()
}

fn after(millis: i64) -> Option<Timestamp> {
    NOW.unix_millis().checked_add(millis).map(Timestamp::from_unix_millis)
}

const MINUTE: Option<Duration> = Some(Duration::from_mins(1));

#[test]
fn k01_openai_states_requests_and_tokens_with_resets_as_lengths() {
    let quota = read(
        ProviderKind::OpenAi,
        &[
            ("x-ratelimit-limit-requests", "500"),
            ("x-ratelimit-remaining-requests", "499"),
            ("x-ratelimit-reset-requests", "120ms"),
            ("x-ratelimit-limit-tokens", "30000"),
            ("x-ratelimit-remaining-tokens", "29000"),
            ("x-ratelimit-reset-tokens", "6m0s"),
        ],
    );
    let [requests, tokens] = meters(&quota).try_into().expect("two meters");
    let expected = Meter {
        counts: Metered::Requests,
        window: None,
        limit: Some(500),
        remaining: 499,
        resets: after(120),
        is_models: true,
    };
    assert_eq!(requests, expected);
    assert_eq!((tokens.counts, tokens.window, tokens.resets), (Metered::Tokens, MINUTE, after(360_000)));
}

#[test]
fn k01_anthropic_states_four_meters_with_resets_as_moments() {
    let quota = read(
        ProviderKind::Anthropic,
        &[
            ("date", "Fri, 20 Nov 2026 07:40:10 GMT"),
            ("anthropic-ratelimit-requests-limit", "50"),
            ("anthropic-ratelimit-requests-remaining", "49"),
            ("anthropic-ratelimit-requests-reset", "2026-11-20T07:41:00Z"),
            ("anthropic-ratelimit-input-tokens-remaining", "0"),
            ("anthropic-ratelimit-input-tokens-reset", "2026-11-20T07:40:30Z"),
            ("anthropic-ratelimit-output-tokens-remaining", "8000"),
            ("anthropic-ratelimit-tokens-remaining", "0"),
        ],
    );
    let counts: Vec<_> = quota.meters().map(|meter| (meter.counts, meter.remaining, meter.resets)).collect();
    let expected = [
        // Measured from the answer's own date, ten seconds on.
        (Metered::Requests, 49, after(50_000)),
        (Metered::InputTokens, 0, after(20_000)),
        (Metered::OutputTokens, 8000, None),
        (Metered::Tokens, 0, None),
    ];
    assert_eq!(counts, expected);
    assert!(quota.meters().all(|meter| meter.is_models), "limits belong to a class of models");
}

#[test]
fn k01_vendors_that_speak_openais_api_have_names_of_their_own() {
    let one = |pairs: &[(&str, &str)]| {
        let quota = read(ProviderKind::OpenAiCompatible, pairs);
        let [meter] = meters(&quota).try_into().expect("one meter");
        (meter.counts, meter.window, meter.remaining, meter.resets, meter.is_models)
    };
    let day = Some(Duration::from_hours(24));
    // Groq, Azure (seconds), Cerebras, Mistral, Fireworks, Together, Together's tokens, OpenRouter, Cohere.
    let groq = [("x-ratelimit-remaining-requests", "14"), ("x-ratelimit-reset-requests", "2m59.56s")];
    assert_eq!(one(&groq), (Metered::Requests, None, 14, after(179_560), true));
    let azure = [("x-ratelimit-remaining-tokens", "900"), ("x-ratelimit-reset-tokens", "15")];
    assert_eq!(one(&azure), (Metered::Tokens, MINUTE, 900, after(15_000), true));
    let cerebras = [("x-ratelimit-remaining-requests-day", "3"), ("x-ratelimit-reset-requests-day", "33011.382867")];
    assert_eq!(one(&cerebras), (Metered::Requests, day, 3, after(33_011_382), true));
    assert_eq!(one(&[("x-ratelimit-remaining-req-minute", "5")]), (Metered::Requests, MINUTE, 5, None, false));
    assert_eq!(one(&[("x-ratelimit-remaining-tokens-minute", "5")]), (Metered::Tokens, MINUTE, 5, None, true));
    assert_eq!(one(&[("x-ratelimit-remaining-tokens-prompt", "5")]), (Metered::InputTokens, None, 5, None, false));
    assert_eq!(one(&[("x-ratelimit-remaining-tokens-generated", "5")]), (Metered::OutputTokens, None, 5, None, false));
    let together = [("x-ratelimit-remaining", "9.7"), ("x-ratelimit-reset", "0.5")];
    assert_eq!(one(&together), (Metered::Requests, None, 9, after(500), true));
    assert_eq!(one(&[("x-tokenlimit-remaining", "9")]), (Metered::Tokens, None, 9, None, true));
    let openrouter = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1795160430000")];
    assert_eq!(one(&openrouter), (Metered::Requests, None, 0, after(30_000), true));
    assert_eq!(one(&[("x-trial-endpoint-call-remaining", "19")]), (Metered::Requests, MINUTE, 19, None, false));
    assert_eq!(one(&[("x-ratelimit-remaining-tokens_usage_based", "1")]), (Metered::Tokens, MINUTE, 1, None, true));
}

#[test]
fn k01_what_is_unknown_is_left_out() {
    for odd in ["-1", "", "many", "1e9", "99999999999999999999999999"] {
        let quota = read(ProviderKind::OpenAi, &[("x-ratelimit-remaining-tokens", odd)]);
        assert!(quota.is_empty(), "{odd}");
    }
    let pairs =
        [("x-ratelimit-limit-tokens", "-1"), ("x-ratelimit-remaining-tokens", "7"), ("x-ratelimit-reset-tokens", "0")];
    let [meter] = meters(&read(ProviderKind::OpenAi, &pairs)).try_into().expect("one meter");
    assert_eq!((meter.limit, meter.remaining, meter.resets), (None, 7, None));
    for kind in ProviderKind::ALL {
        assert!(read(kind, &[("x-request-id", "1"), ("retry-after", "3")]).is_empty());
    }
    assert!(read(ProviderKind::Gemini, &pairs).is_empty(), "Gemini states nothing");
}

proptest! {
    #[test]
    fn a70_meters_never_reset_in_the_past_or_beyond_the_bound(
        remaining in "-?[0-9]{0,22}(\\.[0-9]{0,3})?",
        reset in "[ -~]{0,30}|[0-9]{1,25}|-[0-9]{1,9}|[0-9]{4}-1[0-2]-2[0-8]T10:00:00Z",
    ) {
        for kind in ProviderKind::ALL {
            let pairs = [
                ("x-ratelimit-remaining-tokens", remaining.as_str()),
                ("x-ratelimit-reset-tokens", reset.as_str()),
                ("anthropic-ratelimit-tokens-remaining", remaining.as_str()),
                ("anthropic-ratelimit-tokens-reset", reset.as_str()),
            ];
            for meter in read(kind, &pairs).meters() {
                prop_assert!(meter.resets.is_none_or(|at| at >= NOW && at <= NOW.plus(MAX_WAIT)));
            }
        }
    }
}
