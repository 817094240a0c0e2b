//! Moments as HTTP (`Fri, 20 Nov 2026 07:40:59 GMT`) and RFC 3339 (`2026-11-20T07:40:59Z`, also with an offset) spell
//! them, and as sentences do (`2026-12-01 at 00:00 UTC`).

use jiff::fmt::rfc2822::DateTimeParser;
use jiff::tz::TimeZone;
use keyward_domain::time::Timestamp;

static HTTP: DateTimeParser = DateTimeParser::new().relaxed_weekday(true);

/// The form that RFC 9110 asks senders to use; the two obsolete forms are not understood.
pub(super) fn http_date(text: &str) -> Option<Timestamp> {
    // Nothing else begins with the name of a day, and most values are numbers: do not start parsing them.
    text.starts_with(|first: char| first.is_ascii_alphabetic()).then_some(())?;
    HTTP.parse_timestamp(text).ok().map(ours)
}

/// With the offset that it states.
pub(super) fn rfc3339(text: &str) -> Option<Timestamp> {
    text.parse::<jiff::Timestamp>().ok().map(ours)
}

/// A date at the beginning of the text, alone or with `at HH:MM` or `HH:MM`; UTC.
pub(super) fn spoken(text: &str) -> Option<Timestamp> {
    let mut words = text.split_ascii_whitespace();
    let first = words.next()?.trim_end_matches(['.', ',', ')']);
    if let Some(moment) = rfc3339(first) {
        return Some(moment);
    }
    let date: jiff::civil::Date = first.parse().ok()?;
    let clock = words.find(|word| *word != "at").and_then(|word| word.trim_end_matches(['.', ',']).parse().ok());
    let moment = date.to_datetime(clock.unwrap_or_default()).to_zoned(TimeZone::UTC).ok()?;
    Some(ours(moment.timestamp()))
}

fn ours(moment: jiff::Timestamp) -> Timestamp {
    Timestamp::from_unix_millis(moment.as_millisecond())
}
