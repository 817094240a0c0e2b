//! Every spelling of "try again later".

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use keyward_domain::time::Timestamp;
use keyward_provider::retry_after::{MAX_WAIT, from_headers, from_message, parse_duration};
use proptest::prelude::*;

/// 2032-02-28T23:59:30Z.
const NOW: Timestamp = Timestamp::from_unix_millis(1_961_625_570_000);

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    pairs
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).expect("a header value")))
        .collect()
}

fn told(pairs: &[(&'static str, &str)]) -> Option<Duration> {
    from_headers(&headers(pairs), NOW)
}

fn spoken(message: &str) -> Option<Duration> {
    from_message(message, NOW)
}

#[test]
fn lengths_in_all_units_and_without_rounding() {
    let micros = |text: &str| parse_duration(text).map(|length| length.as_micros());
    assert_eq!(micros("12ms"), Some(12_000));
    assert_eq!(micros("1s"), Some(1_000_000));
    assert_eq!(micros("6m0s"), Some(360_000_000));
    assert_eq!(micros("1h2m3s"), Some(3_723_000_000));
    assert_eq!(micros("2m59.56s"), Some(179_560_000));
    assert_eq!(micros("0.847655s"), Some(847_655));
    assert_eq!(micros("33011.382867"), Some(33_011_382_867));
    assert_eq!(micros("800µs"), Some(800));
    assert_eq!(micros("1d"), Some(86_400_000_000));
    assert_eq!(micros("0"), Some(0));
}

#[test]
fn what_is_no_length_is_none() {
    for text in
        ["", "s", "-1", "1x", "1.2.3s", "1 s", "soon", ".5s", "1e3", "99999999999999999999", "18446744073709551615h1x"]
    {
        assert_eq!(parse_duration(text), None, "{text:?}");
    }
}

#[test]
fn milliseconds_win_over_seconds() {
    assert_eq!(told(&[("retry-after", "1.5")]), Some(Duration::from_millis(1500)));
    assert_eq!(told(&[("retry-after", "1.5"), ("retry-after-ms", "250")]), Some(Duration::from_millis(250)));
    assert_eq!(told(&[("x-amz-retry-after", "1500")]), Some(Duration::from_millis(1500)));
    assert_eq!(told(&[("retry-after", "1m30s")]), Some(Duration::from_secs(90)));
    assert_eq!(told(&[]), None);
}

#[test]
fn a_date_counts_from_the_answers_own_date_and_else_from_now() {
    let date = ("date", "Sat, 28 Feb 2032 23:58:30 GMT");
    let then = ("retry-after", "Sun, 29 Feb 2032 00:00:10 GMT");
    assert_eq!(told(&[date, then]), Some(Duration::from_secs(100)));
    assert_eq!(told(&[then]), Some(Duration::from_secs(40)));
    assert_eq!(told(&[("retry-after", "Sat, 28 Feb 2032 23:00:00 GMT")]), Some(Duration::ZERO), "it is past");
    for rfc3339 in ["2032-02-29T00:00:10Z", "2032-02-29T00:00:10.4Z", "2032-02-28T19:00:10-05:00"] {
        assert_eq!(told(&[("retry-after", rfc3339)]).map(|wait| wait.as_secs()), Some(40), "{rfc3339}");
    }
    for epoch in ["1961625610", "1961625610000", "1961625610.0"] {
        assert_eq!(told(&[("retry-after", epoch)]), Some(Duration::from_secs(40)), "{epoch}");
    }
}

#[test]
fn a70_nonsense_is_not_there_and_what_is_past_is_no_wait() {
    for garbage in ["", "soon", "1e9", "NaN", "1,5", "0x10", "--1", "-", "Sat, 99 Feb 2032 23:59:30 GMT", "2032-02-30"]
    {
        assert_eq!(told(&[("retry-after", garbage)]), None, "{garbage:?}");
    }
    for past in ["-1", "-0.5", "-99999999999999999999", "0", "2001-01-01T00:00:00Z"] {
        assert_eq!(told(&[("retry-after", past)]), Some(Duration::ZERO), "{past:?}");
    }
    for absurd in ["99999999", "9999999999", "99999999999999999999999999", "9998-12-31T00:00:00Z", "999999h"] {
        assert_eq!(told(&[("retry-after", absurd)]), Some(MAX_WAIT), "{absurd:?}");
    }
}

#[test]
fn messages_that_name_a_length_or_a_date_are_understood() {
    for (message, millis) in [
        ("Limit 3. Please try again in 41.7s. Visit ...", 41_700),
        ("Try again in 6m0s.", 360_000),
        ("Please try again in 20 seconds", 20_000),
        ("Please retry after 59 seconds.", 59_000),
        ("Retry after 1 minute.", 60_000),
        ("Please retry in 37.19s.", 37_190),
        ("try again after 250 milliseconds", 250),
        ("please try again in 2 hours, or upgrade", 7_200_000),
        ("You will regain access on 2032-02-29 at 00:00 UTC.", 30_000),
        ("It resets at 2032-02-29T00:00:00Z.", 30_000),
        ("It resets on 2032-03-01", 86_430_000),
        ("Please try again in 9999h.", MAX_WAIT.as_millis()),
    ] {
        assert_eq!(spoken(message).map(|wait| wait.as_millis()), Some(millis), "{message}");
    }
    for nothing in ["", "Please try again in a while", "try again in", "resets at noon", "retry after the incident"] {
        assert_eq!(spoken(nothing), None, "{nothing}");
    }
}

proptest! {
    #[test]
    fn a70_any_text_is_read_without_a_panic_and_within_bounds(text in ".{0,40}", header in "[ -~]{0,40}") {
        parse_duration(&text);
        for lead in ["try again in", "retry after", "regain access on"] {
            let wait = spoken(&format!("{lead} {text}"));
            prop_assert!(wait.is_none_or(|wait| wait <= MAX_WAIT));
        }
        for name in ["retry-after", "retry-after-ms", "x-amz-retry-after"] {
            let wait = told(&[("date", "Sat, 28 Feb 2032 23:59:30 GMT"), (name, &header)]);
            prop_assert!(wait.is_none_or(|wait| wait <= MAX_WAIT));
        }
    }
}
