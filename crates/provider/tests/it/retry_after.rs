//! Every spelling of "try again later".

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use keyward_provider::retry_after::{MAX_WAIT, from_headers, from_message, parse_duration};
use proptest::prelude::*;

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    pairs
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).expect("a header value")))
        .collect()
}

#[test]
fn lengths_in_all_units_and_without_rounding() {
    let millis = |text: &str| parse_duration(text).map(|length| length.as_micros());
    assert_eq!(millis("12ms"), Some(12_000));
    assert_eq!(millis("1s"), Some(1_000_000));
    assert_eq!(millis("6m0s"), Some(360_000_000));
    assert_eq!(millis("1h2m3s"), Some(3_723_000_000));
    assert_eq!(millis("2m59.56s"), Some(179_560_000));
    assert_eq!(millis("0.847655s"), Some(847_655));
    assert_eq!(millis("33011.382867"), Some(33_011_382_867));
    assert_eq!(millis("800µs"), Some(800));
    assert_eq!(millis("1d"), Some(86_400_000_000));
    assert_eq!(millis("0"), Some(0));
}

#[test]
fn what_is_no_length_is_none() {
    for text in
        ["", "s", "-1", "1x", "1.2.3s", "1 s", "soon", ".5s", "1e3", "99999999999999999999", "18446744073709551615h"]
    {
        assert_eq!(parse_duration(text), None, "{text:?}");
    }
}

#[test]
fn milliseconds_win_over_seconds_and_both_over_resets() {
    let reset = ("x-ratelimit-reset-requests", "90s");
    let empty = ("x-ratelimit-remaining-requests", "0");
    assert_eq!(from_headers(&headers(&[empty, reset])), Some(Duration::from_secs(90)));
    assert_eq!(from_headers(&headers(&[empty, reset, ("retry-after", "1.5")])), Some(Duration::from_millis(1500)));
    let all = headers(&[empty, reset, ("retry-after", "1.5"), ("retry-after-ms", "250")]);
    assert_eq!(from_headers(&all), Some(Duration::from_millis(250)));
}

#[test]
fn a_date_counts_from_the_answers_own_date() {
    let date = ("date", "Sat, 28 Feb 2032 23:59:30 GMT");
    assert_eq!(
        from_headers(&headers(&[date, ("retry-after", "Sun, 29 Feb 2032 00:00:10 GMT")])),
        Some(Duration::from_secs(40))
    );
    assert_eq!(from_headers(&headers(&[date, ("retry-after", "Sat, 28 Feb 2032 23:00:00 GMT")])), Some(Duration::ZERO));
    assert_eq!(
        from_headers(&headers(&[("retry-after", "Sun, 29 Feb 2032 00:00:10 GMT")])),
        None,
        "no date to count from"
    );
}

#[test]
fn only_empty_buckets_count_and_the_latest_decides() {
    let pairs = [
        ("x-ratelimit-remaining-requests", "5"),
        ("x-ratelimit-reset-requests", "1h"),
        ("x-ratelimit-remaining-tokens", "0"),
        ("x-ratelimit-reset-tokens", "2s"),
        ("x-ratelimit-remaining-project-tokens", "0"),
        ("x-ratelimit-reset-project-tokens", "9s"),
    ];
    assert_eq!(from_headers(&headers(&pairs)), Some(Duration::from_secs(9)));
    assert_eq!(
        from_headers(&headers(&[("x-ratelimit-remaining-tokens", "0"), ("x-ratelimit-reset-tokens", "0")])),
        None
    );
}

#[test]
fn no_wait_is_longer_than_the_longest() {
    assert_eq!(from_headers(&headers(&[("retry-after", "99999999")])), Some(MAX_WAIT));
    assert_eq!(from_message("Please try again in 9999h."), Some(MAX_WAIT));
}

#[test]
fn messages_that_name_a_length_are_understood() {
    assert_eq!(from_message("Limit 3. Please try again in 41.7s. Visit ..."), Some(Duration::from_millis(41_700)));
    assert_eq!(from_message("Try again in 6m0s."), Some(Duration::from_mins(6)));
    assert_eq!(from_message("Please try again in a while"), None);
}

proptest! {
    #[test]
    fn any_text_is_read_without_a_panic(text in ".{0,40}", header in "[ -~]{0,40}") {
        parse_duration(&text);
        from_message(&format!("try again in {text}"));
        from_headers(&headers(&[("date", "Fri, 20 Nov 2026 07:40:00 GMT"), ("retry-after", &header), ("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", &header)]));
    }
}
