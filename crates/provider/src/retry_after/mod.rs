//! When it is worth trying again, in every spelling that providers use. Without a clock: absolute times are taken
//! relative to the answer's own `date`, so that a wrong clock on either side does not matter.

mod moment;

use std::time::Duration;

use http::HeaderMap;
use http::header::{DATE, RETRY_AFTER};

/// No wait is longer: a monthly limit that was just used up.
pub const MAX_WAIT: Duration = Duration::from_hours(32 * 24);

/// Families of rate-limit headers, as (remaining, reset).
const BUCKETS: &[(&str, &str)] = &[
    ("x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"),
    ("x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"),
    ("x-ratelimit-remaining-requests-day", "x-ratelimit-reset-requests-day"),
    ("x-ratelimit-remaining-tokens-minute", "x-ratelimit-reset-tokens-minute"),
    ("x-ratelimit-remaining-project-requests", "x-ratelimit-reset-project-requests"),
    ("x-ratelimit-remaining-project-tokens", "x-ratelimit-reset-project-tokens"),
    ("x-ratelimit-remaining", "x-ratelimit-reset"),
    ("anthropic-ratelimit-requests-remaining", "anthropic-ratelimit-requests-reset"),
    ("anthropic-ratelimit-tokens-remaining", "anthropic-ratelimit-tokens-reset"),
    ("anthropic-ratelimit-input-tokens-remaining", "anthropic-ratelimit-input-tokens-reset"),
    ("anthropic-ratelimit-output-tokens-remaining", "anthropic-ratelimit-output-tokens-reset"),
];

/// What the headers say: `retry-after-ms`, `retry-after` (seconds, a fraction of them, or a date), else the latest
/// reset among the buckets that are empty.
pub fn from_headers(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let millis = text("retry-after-ms").and_then(|ms| decimal(ms, 1_000_000));
    let said = millis.or_else(|| {
        let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
        decimal(value, NANOS_PER_SECOND).or_else(|| until(value, headers))
    });
    let reset = || {
        let empty = BUCKETS.iter().filter(|(remaining, _)| text(remaining).is_some_and(|left| left == "0"));
        empty.filter_map(|(_, reset)| parse_reset(text(reset)?, headers)).max()
    };
    said.or_else(reset).map(|wait| wait.min(MAX_WAIT))
}

/// What an error message says: "... Please try again in 41.7s.", "... try again in 6m0s".
pub fn from_message(message: &str) -> Option<Duration> {
    let lower = message.to_ascii_lowercase();
    let (_, after) = lower.split_once("try again in ")?;
    let word = after.split(|c: char| c.is_whitespace() || c == ',').next()?.trim_end_matches('.');
    parse_duration(word).map(|wait| wait.min(MAX_WAIT))
}

/// `12ms`, `1.5s`, `6m0s`, `1h2m3s`, `0.847655s` (protobuf), or a bare number of seconds. `None` for anything else,
/// for negative lengths and for overflow.
pub fn parse_duration(text: &str) -> Option<Duration> {
    if let Some(seconds) = decimal(text, NANOS_PER_SECOND) {
        return Some(seconds);
    }
    let mut rest = text;
    let mut sum = Duration::ZERO;
    while !rest.is_empty() {
        let number_end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at_checked(number_end)?;
        let unit_end = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, next) = after.split_at_checked(unit_end)?;
        sum = sum.checked_add(decimal(number, nanos_per(unit)?)?)?;
        rest = next;
    }
    (!text.is_empty()).then_some(sum)
}

const NANOS_PER_SECOND: u64 = 1_000_000_000;
/// From this size on, a bare reset is a moment in Unix milliseconds (OpenRouter) and not a number of seconds.
const SMALLEST_EPOCH_MILLIS: u64 = 1_000_000_000_000;

fn nanos_per(unit: &str) -> Option<u64> {
    Some(match unit {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => NANOS_PER_SECOND,
        "m" => 60 * NANOS_PER_SECOND,
        "h" => 3_600 * NANOS_PER_SECOND,
        "d" => 86_400 * NANOS_PER_SECOND,
        _ => return None,
    })
}

fn parse_reset(text: &str, headers: &HeaderMap) -> Option<Duration> {
    if let Some(millis) = text.parse::<u64>().ok().filter(|number| *number >= SMALLEST_EPOCH_MILLIS) {
        let now = moment::http_date(headers.get(DATE)?.to_str().ok()?)?;
        return Some(Duration::from_millis(millis).saturating_sub(Duration::from_secs(now)));
    }
    // A reset of 0 is what some servers send for "unknown".
    parse_duration(text).or_else(|| until(text, headers)).filter(|wait| !wait.is_zero())
}

/// From the answer's `date` until a moment.
fn until(text: &str, headers: &HeaderMap) -> Option<Duration> {
    let then = moment::http_date(text).or_else(|| moment::rfc3339(text))?;
    let now = moment::http_date(headers.get(DATE)?.to_str().ok()?)?;
    Some(Duration::from_secs(then.saturating_sub(now)))
}

/// A decimal number of units, exactly, without floating point: `41.7` of 10^9 is 41,700,000,000 ns.
fn decimal(text: &str, nanos_per_unit: u64) -> Option<Duration> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) {
        return None;
    }
    let mut nanos = u128::from(whole.parse::<u64>().ok()?) * u128::from(nanos_per_unit);
    let mut scale = u128::from(nanos_per_unit);
    for digit in fraction.bytes() {
        scale /= 10;
        nanos += u128::from(digit - b'0') * scale;
    }
    u64::try_from(nanos).ok().map(Duration::from_nanos)
}
