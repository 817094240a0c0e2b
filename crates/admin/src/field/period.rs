use std::fmt;
use std::str::FromStr;

use keyward_domain::window::{Period, WeekStart, WindowError, Zone};
use serde::{Deserialize, Deserializer};

use super::LocalMoment;

/// The window of a budget as people write it: `hour`, `day`, `week`, `month`; a length such as `30d`, which is the time
/// that ends now, also written `rolling:30d`; or one length after the other from a moment: `anchored:14d@2026-11-01`.
/// Lengths are whole numbers of minutes, hours, days or weeks (`90m`, `6h`, `7d`, `2w`) and made of quarters of an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeriodText {
    /// From one full local hour to the next.
    Hour,
    /// A local day.
    Day,
    /// Seven local days.
    Week,
    /// From a day of the local month to the same day of the next.
    Month,
    /// The length of time that ends now, in seconds.
    Rolling(u64),
    /// One stretch of this length after the other, in seconds, from this moment on.
    Anchored(u64, LocalMoment),
}

const WRONG: &str = "write the window as hour, day, week, month, rolling:7d (the seven days that end now) or \
                     anchored:14d@2026-11-01 (fourteen days, one after the other, from that day on)";

impl PeriodText {
    /// The period in this zone, which begins as the other two say where they apply.
    pub fn period(self, zone: &Zone, starts: WeekStart, day: u8) -> Result<Period, WindowError> {
        Ok(match self {
            Self::Hour => Period::Hour,
            Self::Day => Period::Day,
            Self::Week => Period::Week { starts },
            Self::Month => Period::Month { starts: day },
            Self::Rolling(seconds) => Period::Rolling { seconds },
            Self::Anchored(seconds, from) => {
                Period::Anchored { seconds, from: from.in_zone(zone).ok_or(WindowError::Anchor)? }
            }
        })
    }

    /// Whether windows of this period in this zone are the ones meant, wherever weeks and months begin.
    pub fn names(self, period: Period, zone: &Zone) -> bool {
        match (self, period) {
            (Self::Hour, Period::Hour)
            | (Self::Day, Period::Day)
            | (Self::Week, Period::Week { .. })
            | (Self::Month, Period::Month { .. }) => true,
            (Self::Rolling(mine), Period::Rolling { seconds }) => mine == seconds,
            (Self::Anchored(mine, anchor), Period::Anchored { seconds, from }) => {
                mine == seconds && anchor.in_zone(zone) == Some(from)
            }
            _ => false,
        }
    }

    /// How a period is written.
    pub fn of(period: Period) -> Self {
        match period {
            Period::Hour => Self::Hour,
            Period::Day => Self::Day,
            Period::Week { .. } => Self::Week,
            Period::Month { .. } => Self::Month,
            Period::Rolling { seconds } => Self::Rolling(seconds),
            Period::Anchored { seconds, from } => Self::Anchored(seconds, LocalMoment::at(from)),
        }
    }
}

impl fmt::Display for PeriodText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Hour => f.write_str("hour"),
            Self::Day => f.write_str("day"),
            Self::Week => f.write_str("week"),
            Self::Month => f.write_str("month"),
            Self::Rolling(seconds) => write!(f, "rolling:{}", length(seconds)),
            Self::Anchored(seconds, from) => write!(f, "anchored:{}@{from}", length(seconds)),
        }
    }
}

/// The length in its largest whole unit.
fn length(seconds: u64) -> String {
    UNITS
        .into_iter()
        .rev()
        .find(|(unit, size)| *unit != 'w' && seconds.is_multiple_of(*size))
        .map_or_else(|| format!("{seconds}s"), |(unit, size)| format!("{}{unit}", seconds / size))
}

const UNITS: [(char, u64); 4] = [('m', 60), ('h', 3_600), ('d', 86_400), ('w', 604_800)];

fn seconds(text: &str) -> Option<u64> {
    let (unit, size) = UNITS.into_iter().find(|(unit, _)| text.ends_with(*unit))?;
    let digits = text.strip_suffix(unit)?;
    let is_plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse::<u64>().ok().filter(|count| is_plain && *count > 0)?.checked_mul(size)
}

impl FromStr for PeriodText {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "hour" => return Ok(Self::Hour),
            "day" => return Ok(Self::Day),
            "week" => return Ok(Self::Week),
            "month" => return Ok(Self::Month),
            _ => {}
        }
        if let Some(rest) = text.strip_prefix("anchored:") {
            let (length, from) = rest.split_once('@').ok_or(WRONG)?;
            return Ok(Self::Anchored(seconds(length).ok_or(WRONG)?, from.parse()?));
        }
        seconds(text.strip_prefix("rolling:").unwrap_or(text)).map(Self::Rolling).ok_or(WRONG)
    }
}

impl<'de> Deserialize<'de> for PeriodText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_written_as_they_are_read() {
        for text in [
            "hour",
            "day",
            "week",
            "month",
            "rolling:30d",
            "rolling:90m",
            "rolling:25h",
            "anchored:14d@2026-11-01T00:00:00Z",
        ] {
            assert_eq!(text.parse::<PeriodText>().unwrap().to_string(), text);
        }
        assert_eq!("30d".parse(), Ok(PeriodText::Rolling(30 * 86_400)));
        assert_eq!("2w".parse::<PeriodText>().unwrap().to_string(), "rolling:14d");
        for text in
            ["", "days", "rolling:", "rolling:-1d", "1.5h", "0d", "anchored:14d", "anchored:14d@soon", "d", "30s"]
        {
            assert!(text.parse::<PeriodText>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_anchor_without_a_zone_is_the_budgets_own_midnight() {
        let seoul: Zone = "Asia/Seoul".parse().unwrap();
        let period = "anchored:14d@2026-11-01".parse::<PeriodText>().unwrap();
        let made = period.period(&seoul, WeekStart::Monday, 1).unwrap();
        assert_eq!(PeriodText::of(made).to_string(), "anchored:14d@2026-10-31T15:00:00Z");
        assert!(period.names(made, &seoul));
        assert!(!period.names(made, &Zone::default()));
        assert!(PeriodText::of(made).names(made, &Zone::default()), "what is shown names it in every zone");
    }
}
