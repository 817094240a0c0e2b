//! Waits that error messages speak of.

use std::time::Duration;

use keyward_domain::time::Timestamp;

use super::{MAX_WAIT, moment, parse_duration};

/// What comes before a length.
const LENGTHS: [&str; 6] =
    ["try again in ", "try again after ", "retry after ", "retry in ", "retry again in ", "resets in "];
/// What comes before a date.
const DATES: [&str; 4] = ["regain access on ", "resets at ", "reset at ", "resets on "];

/// What an error message says: "Please try again in 41.7s.", "... in 6m0s", "Please retry after 59 seconds.", "You will
/// regain access on 2026-12-01 at 00:00 UTC." Dates count from `now`, which is the provider's clock where it is known.
pub fn from_message(message: &str, now: Timestamp) -> Option<Duration> {
    let lower = message.to_ascii_lowercase();
    let after = |lead: &&str| lower.split_once(*lead).map(|(_, after)| after);
    let length = LENGTHS.iter().filter_map(after).find_map(length_at_start);
    let date = || DATES.iter().filter_map(after).find_map(moment::spoken).map(|then| then.since(now));
    length.or_else(date).map(|wait| wait.min(MAX_WAIT))
}

/// `41.7s`, `6m0s`, `59 seconds`, `1 minute`, `7` (seconds).
fn length_at_start(text: &str) -> Option<Duration> {
    let mut words =
        text.split(|c: char| c.is_whitespace() || c == ',').map(|word| word.trim_end_matches(['.', ';', ')']));
    let number = words.next()?;
    let length = parse_duration(number)?;
    let is_bare = number.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let unit = words.next().filter(|_| is_bare).unwrap_or_default();
    let unit = unit.strip_suffix('s').unwrap_or(unit);
    match unit {
        "millisecond" => Some(length / 1000),
        "minute" | "min" => length.checked_mul(60),
        "hour" => length.checked_mul(3_600),
        "day" => length.checked_mul(86_400),
        // Seconds, or words that belong to what follows.
        _ => Some(length),
    }
}
