//! When it is worth trying again, in every spelling that providers use.
//!
//! Absolute times are taken relative to the answer's own `date`, so that a wrong clock on either side does not matter;
//! relative to `now` when the answer has none. What lies in the past or is negative is a wait of nothing, what cannot
//! be read is not there, and no wait is longer than [`MAX_WAIT`]. How long a key really rests is decided in
//! [`judgement`](mod@crate::judgement).

mod moment;
mod spoken;

use std::cell::OnceCell;
use std::time::Duration;

use http::HeaderMap;
use http::header::{DATE, RETRY_AFTER};
use keyward_domain::time::Timestamp;

pub use spoken::from_message;

/// No wait is longer: a monthly limit that was just used up.
pub const MAX_WAIT: Duration = Duration::from_hours(32 * 24);

/// What the headers say outright: `retry-after-ms`, `x-amz-retry-after` (milliseconds as well), else `retry-after`
/// (seconds, a fraction of them, a length with units, or a date). Resets of meters are [`quota`](mod@crate::quota)'s.
pub fn from_headers(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let millis = |name: &str| text(name).and_then(|value| length(value, NANOS_PER_MILLI));
    let clock = Clock::new(headers, now);
    let said = millis("retry-after-ms").or_else(|| millis("x-amz-retry-after")).or_else(|| {
        let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
        clock.wait(value)
    });
    said.map(|wait| wait.min(MAX_WAIT))
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

/// What absolute times are measured from.
pub(crate) struct Clock<'a> {
    headers: &'a HeaderMap,
    now: Timestamp,
    /// The answer's own `date`, once somebody asked for it.
    answered: OnceCell<Timestamp>,
}

impl<'a> Clock<'a> {
    pub(crate) const fn new(headers: &'a HeaderMap, now: Timestamp) -> Self {
        Self { headers, now, answered: OnceCell::new() }
    }

    /// How long from now, whatever the spelling: a length, a moment since 1970 in seconds or milliseconds, or a date.
    pub(crate) fn wait(&self, text: &str) -> Option<Duration> {
        let wait = match length(text, NANOS_PER_SECOND) {
            Some(number) if number >= SMALLEST_EPOCH_MILLIS => self.until(moment_of(number.as_secs())),
            Some(number) if number >= SMALLEST_EPOCH_SECONDS => {
                self.until(moment_of(u64::try_from(number.as_millis()).unwrap_or(u64::MAX)))
            }
            Some(length) => length,
            None => match parse_duration(text) {
                Some(length) => length,
                None => self.until(moment::http_date(text).or_else(|| moment::rfc3339(text))?),
            },
        };
        Some(wait.min(MAX_WAIT))
    }

    /// When the answer was made, by the provider's clock.
    pub(crate) fn answered(&self) -> Timestamp {
        *self.answered.get_or_init(|| {
            let date = self.headers.get(DATE).and_then(|date| date.to_str().ok());
            date.and_then(moment::http_date).unwrap_or(self.now)
        })
    }

    fn until(&self, then: Timestamp) -> Duration {
        then.since(self.answered())
    }
}

fn moment_of(millis: u64) -> Timestamp {
    Timestamp::from_unix_millis(i64::try_from(millis).unwrap_or(i64::MAX))
}

/// A number, of which a negative one is nothing and one beyond all measure the longest.
fn length(text: &str, nanos_per_unit: u64) -> Option<Duration> {
    let is_number = |text: &str| {
        text.starts_with(|first: char| first.is_ascii_digit()) && text.bytes().all(|b| b.is_ascii_digit() || b == b'.')
    };
    if let Some(positive) = text.strip_prefix('-') {
        return is_number(positive).then_some(Duration::ZERO);
    }
    decimal(text, nanos_per_unit).or_else(|| (is_number(text) && !text.contains('.')).then_some(Duration::MAX))
}

const NANOS_PER_MILLI: u64 = 1_000_000;
const NANOS_PER_SECOND: u64 = 1_000_000_000;
/// From this size on, a bare number is a moment in Unix milliseconds (OpenRouter) and not a number of seconds.
const SMALLEST_EPOCH_MILLIS: Duration = Duration::from_secs(1_000_000_000_000);
/// From this size on, a bare number is a moment in Unix seconds: as a length it would be 31 years.
const SMALLEST_EPOCH_SECONDS: Duration = Duration::from_secs(1_000_000_000);

fn nanos_per(unit: &str) -> Option<u64> {
    Some(match unit {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => NANOS_PER_MILLI,
        "s" => NANOS_PER_SECOND,
        "m" => 60 * NANOS_PER_SECOND,
        "h" => 3_600 * NANOS_PER_SECOND,
        "d" => 86_400 * NANOS_PER_SECOND,
        _ => return None,
    })
}

/// A decimal number of units, exactly, without floating point: `41.7` of 10^9 is 41,700,000,000 ns.
pub(crate) fn decimal(text: &str, nanos_per_unit: u64) -> Option<Duration> {
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
    let seconds = u64::try_from(nanos / u128::from(NANOS_PER_SECOND)).ok()?;
    let rest = u32::try_from(nanos % u128::from(NANOS_PER_SECOND)).ok()?;
    Some(Duration::new(seconds, rest))
}
