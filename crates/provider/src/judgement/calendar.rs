//! When limits begin anew, by the vendors' calendars.

use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use keyward_domain::judgement::Lasts;
use keyward_domain::time::Timestamp;

/// Pacific time as a rule and not by name: a container may come without a database of time zones.
const PACIFIC: &str = "PST8PDT,M3.2.0,M11.1.0";

/// When a trouble is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reset {
    /// Soon.
    Moment,
    /// After this length: a vendor that documents no time is asked again.
    In(Duration),
    /// At the next midnight of California, where Google's days begin.
    PacificDay,
    /// At the next midnight UTC.
    UtcDay,
    /// At midnight UTC of the first day of the next month.
    UtcMonth,
    /// When a person does something about it.
    Human,
}

impl Reset {
    /// Counted from this moment.
    pub(super) fn lasts(self, now: Timestamp) -> Lasts {
        let next = match self {
            Self::Moment => return Lasts::Moment,
            Self::Human => return Lasts::Human,
            Self::In(length) => Some(now.plus(length)),
            Self::PacificDay => TimeZone::posix(PACIFIC).ok().and_then(|zone| next_day(now, zone, tomorrow)),
            Self::UtcDay => next_day(now, TimeZone::UTC, tomorrow),
            Self::UtcMonth => next_day(now, TimeZone::UTC, |date| tomorrow(date.last_of_month())),
        };
        // A moment that no calendar knows lies thousands of years away; a day is as good there as anything.
        Lasts::Until(next.unwrap_or_else(|| now.plus(Duration::from_hours(24))))
    }
}

fn tomorrow(date: Date) -> Option<Date> {
    date.tomorrow().ok()
}

fn next_day(now: Timestamp, zone: TimeZone, next: impl Fn(Date) -> Option<Date>) -> Option<Timestamp> {
    let now = jiff::Timestamp::from_millisecond(now.unix_millis()).ok()?;
    let midnight = next(now.to_zoned(zone.clone()).date())?.to_zoned(zone).ok()?;
    Some(Timestamp::from_unix_millis(midnight.timestamp().as_millisecond()))
}
