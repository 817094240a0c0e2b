//! Windows: which stretch of time a moment belongs to. Pure functions of the moment, the period and the zone; nothing is
//! ever reset, so nothing can be reset late, twice or by everybody at midnight.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use jiff::{ToSpan, Zoned};
use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// What is spent is summed by quarters of an hour: every zone's midnight falls on one.
pub const QUARTER: Duration = Duration::from_mins(15);

/// The longest window that may be set, in days.
pub const MAX_DAYS: u64 = 3_660;

const QUARTER_MS: i64 = 900_000;

/// The windows of a budget.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Windows {
    /// How long they are and where they begin.
    pub period: Period,
    /// Whose midnight counts.
    #[serde(default)]
    pub zone: Zone,
}

/// How long windows are and where they begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    /// From one full local hour to the next.
    Hour,
    /// From local midnight to local midnight.
    Day,
    /// Seven local days.
    Week {
        /// The first of them.
        starts: WeekStart,
    },
    /// From a day of the local month to the same day of the next.
    Month {
        /// That day, 1 to 28.
        starts: u8,
    },
    /// The length of time that ends now. Counted by quarters of an hour: what was spent leaves it up to a quarter late,
    /// never early, so that no stretch of this length ever holds more than the amount.
    Rolling {
        /// In seconds; whole quarters of an hour.
        seconds: u64,
    },
    /// One stretch of this length after the other, counted from a moment.
    Anchored {
        /// In seconds; whole quarters of an hour.
        seconds: u64,
        /// Where one of them begins; a full quarter of an hour.
        from: Timestamp,
    },
}

/// The first day of a week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the days of the week")]
pub enum WeekStart {
    #[default]
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

/// A time zone by its IANA name.
#[derive(Clone, PartialEq, Eq)]
pub struct Zone(TimeZone);

/// A stretch of time, from `from` up to `until` exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Window {
    /// Its first moment.
    pub from: Timestamp,
    /// The first moment that is no longer in it.
    pub until: Timestamp,
}

/// Why windows cannot be like that.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WindowError {
    /// Nobody knows the zone.
    #[error("`{0}` is not a time zone: write an IANA name such as `Europe/Berlin`, or `UTC`")]
    Zone(String),
    /// The day of the month is not in every month.
    #[error("windows of a month can begin on day 1 to 28")]
    DayOfMonth,
    /// The length is not made of quarters of an hour, or is out of range.
    #[error("the length of a window has to be whole quarters of an hour, and at most {MAX_DAYS} days")]
    Length,
    /// The anchor is not a full quarter of an hour.
    #[error("windows can be counted from a full quarter of an hour only")]
    Anchor,
}

impl Windows {
    /// Windows of this period whose midnight is UTC's.
    pub fn utc(period: Period) -> Self {
        Self { period, zone: Zone::default() }
    }

    /// Whether they can be used; stores hold only such.
    pub fn check(&self) -> Result<(), WindowError> {
        let length = |seconds: u64| {
            let fits = seconds.is_multiple_of(QUARTER.as_secs()) && (1..=MAX_DAYS * 86_400).contains(&seconds);
            if fits { Ok(()) } else { Err(WindowError::Length) }
        };
        match self.period {
            Period::Hour | Period::Day | Period::Week { .. } => Ok(()),
            Period::Month { starts } if (1..=28).contains(&starts) => Ok(()),
            Period::Month { .. } => Err(WindowError::DayOfMonth),
            Period::Anchored { from, .. } if quarter_of(from) != from => Err(WindowError::Anchor),
            Period::Rolling { seconds } | Period::Anchored { seconds, .. } => length(seconds),
        }
    }

    /// The window that a moment belongs to. For a rolling period: the stretch that ends with the moment's quarter.
    pub fn at(&self, now: Timestamp) -> Window {
        match self.period {
            Period::Hour => self.hour(now),
            Period::Day => self.days(now, |day| (day.clone(), 1.day())),
            Period::Week { starts } => self.days(now, |day| {
                let since = day.weekday().since(starts.weekday());
                (day.saturating_sub(i64::from(since).days()), 7.days())
            }),
            Period::Month { starts } => self.days(now, |day| {
                let starts = i8::try_from(starts).unwrap_or(1);
                let back = if day.day() < starts { 1.month() } else { 0.months() };
                let first = day.with().day(starts).build().unwrap_or_else(|_| day.clone());
                (first.saturating_sub(back), 1.month())
            }),
            Period::Rolling { seconds } => {
                let quarter = quarter_of(now);
                Window { from: quarter.minus(Duration::from_secs(seconds)), until: quarter.plus(QUARTER) }
            }
            Period::Anchored { seconds, from } => anchored(now, seconds, from),
        }
    }

    /// Whether windows overlap, because each moment has one of its own.
    pub const fn are_rolling(&self) -> bool {
        matches!(self.period, Period::Rolling { .. })
    }

    /// From one full local hour to the next; where the clocks change in between, up to there.
    fn hour(&self, now: Timestamp) -> Window {
        let zone = &self.zone.0;
        // Clocks change at full seconds; within the last one before a change, the change is still to come.
        let at = instant(Timestamp::from_unix_millis(now.unix_seconds().saturating_mul(1000)));
        let offset = i64::from(zone.to_offset(at).seconds());
        let into = (now.unix_seconds() + offset).rem_euclid(3600);
        let from = now.unix_seconds() - into;
        let change_before = zone.preceding(at + 1.second()).next().map(|change| change.timestamp().as_second());
        let change_after = zone.following(at).next().map(|change| change.timestamp().as_second());
        let until = change_after.map_or(from + 3600, |change| change.min(from + 3600));
        let from = change_before.map_or(from, |change| change.max(from));
        Window { from: Timestamp::from_unix_millis(from * 1000), until: Timestamp::from_unix_millis(until * 1000) }
    }

    /// Whole local days: where the window of a day begins, and how long it is.
    fn days(&self, now: Timestamp, of: impl Fn(&Zoned) -> (Zoned, jiff::Span)) -> Window {
        let today = midnight(&instant(now).to_zoned(self.zone.0.clone()));
        let (first, length) = of(&today);
        let first = midnight(&first);
        let next = midnight(&first.saturating_add(length));
        let at = |day: &Zoned| Timestamp::from_unix_millis(day.timestamp().as_millisecond());
        Window { from: at(&first), until: at(&next) }
    }
}

/// The quarter of an hour that a moment belongs to: its beginning.
pub fn quarter_of(at: Timestamp) -> Timestamp {
    Timestamp::from_unix_millis(at.unix_millis().div_euclid(QUARTER_MS).saturating_mul(QUARTER_MS))
}

fn anchored(now: Timestamp, seconds: u64, from: Timestamp) -> Window {
    let length = i64::try_from(seconds.max(1)).unwrap_or(i64::MAX).saturating_mul(1000);
    let since = now.unix_millis().saturating_sub(from.unix_millis());
    let first = from.unix_millis().saturating_add(since.div_euclid(length).saturating_mul(length));
    Window {
        from: Timestamp::from_unix_millis(first),
        until: Timestamp::from_unix_millis(first.saturating_add(length)),
    }
}

/// The first moment of a local day. Where the clocks skip midnight, the first moment after it.
fn midnight(day: &Zoned) -> Zoned {
    day.start_of_day().unwrap_or_else(|_| day.clone())
}

fn instant(at: Timestamp) -> jiff::Timestamp {
    let latest = if at.unix_millis() < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX };
    jiff::Timestamp::from_millisecond(at.unix_millis()).unwrap_or(latest)
}

impl Window {
    /// Whether the moment is in it.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.from <= at && at < self.until
    }

    /// How long it is.
    pub fn length(&self) -> Duration {
        self.until.since(self.from)
    }
}

impl WeekStart {
    /// Every day.
    pub const ALL: [Self; 7] =
        [Self::Monday, Self::Tuesday, Self::Wednesday, Self::Thursday, Self::Friday, Self::Saturday, Self::Sunday];

    /// The word that config and APIs use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Monday => "monday",
            Self::Tuesday => "tuesday",
            Self::Wednesday => "wednesday",
            Self::Thursday => "thursday",
            Self::Friday => "friday",
            Self::Saturday => "saturday",
            Self::Sunday => "sunday",
        }
    }

    /// The day that this word names.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|day| day.as_str() == word)
    }

    const fn weekday(self) -> Weekday {
        match self {
            Self::Monday => Weekday::Monday,
            Self::Tuesday => Weekday::Tuesday,
            Self::Wednesday => Weekday::Wednesday,
            Self::Thursday => Weekday::Thursday,
            Self::Friday => Weekday::Friday,
            Self::Saturday => Weekday::Saturday,
            Self::Sunday => Weekday::Sunday,
        }
    }
}

impl Zone {
    /// Its IANA name.
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// A moment as its clocks show it, with their distance to UTC: `2026-11-20T00:00:00+09:00`.
    pub fn written(&self, at: Timestamp) -> String {
        let at = instant(at);
        if self.0 == TimeZone::UTC {
            return at.to_string();
        }
        at.display_with_offset(self.0.to_offset(at)).to_string()
    }

    /// The first moment of this day.
    pub fn midnight(&self, day: jiff::civil::Date) -> Timestamp {
        let first = day.to_zoned(self.0.clone()).map(|noon| midnight(&noon).timestamp());
        Timestamp::from_unix_millis(first.unwrap_or(jiff::Timestamp::MIN).as_millisecond())
    }
}

impl Default for Zone {
    fn default() -> Self {
        Self(TimeZone::UTC)
    }
}

impl FromStr for Zone {
    type Err = WindowError;

    fn from_str(name: &str) -> Result<Self, WindowError> {
        if name.eq_ignore_ascii_case("utc") {
            return Ok(Self::default());
        }
        let known = TimeZone::get(name).ok().filter(|zone| zone.iana_name().is_some());
        known.map(Self).ok_or_else(|| WindowError::Zone(name.to_owned()))
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Zone {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        name.parse().map_err(serde::de::Error::custom)
    }
}
