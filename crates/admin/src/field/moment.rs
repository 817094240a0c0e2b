use std::time::Duration;

use jiff::civil::Date;
use keyward_domain::time::Timestamp;
use keyward_domain::window::Zone;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::ToSchema;

/// A moment, written as RFC 3339 in UTC. Inputs may also be a plain date, which means its first instant in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ToSchema)]
#[schema(value_type = String, format = DateTime, example = "2026-11-20T09:30:00Z")]
pub struct Moment(pub Timestamp);

/// The beginning or end of a range: a moment, a date, or how long ago, as `90m`, `24h`, `7d` or `4w`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, example = "7d")]
pub struct Since(Range);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Range {
    At(Timestamp),
    On(Date),
    Ago(Duration),
}

const LENGTH_OF_DATE: usize = "2026-11-20".len();

const WRONG_MOMENT: &str = "write moments like 2026-11-20T09:30:00Z or 2026-11-20";
const WRONG_SINCE: &str = "write 90m, 24h, 7d or 4w, or a moment like 2026-11-20T09:30:00Z or 2026-11-20";

impl Moment {
    fn parse(text: &str) -> Option<Self> {
        let parsed = text.parse::<jiff::Timestamp>().ok().or_else(|| {
            let date = text.parse::<Date>().ok().filter(|_| text.len() == LENGTH_OF_DATE)?;
            Some(date.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
        })?;
        Some(Self(Timestamp::from_unix_millis(parsed.as_millisecond())))
    }
}

impl Since {
    /// The moment meant, when it is `now`.
    pub fn resolve(self, now: Timestamp) -> Timestamp {
        self.resolve_in(now, &Zone::default())
    }

    /// The same, where a plain date begins at this zone's midnight.
    pub fn resolve_in(self, now: Timestamp, zone: &Zone) -> Timestamp {
        match self.0 {
            Range::At(moment) => moment,
            Range::On(date) => zone.midnight(date),
            Range::Ago(length) => now.minus(length),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        if let Some(date) = text.parse().ok().filter(|_| text.len() == LENGTH_OF_DATE) {
            return Some(Self(Range::On(date)));
        }
        if let Some(moment) = Moment::parse(text) {
            return Some(Self(Range::At(moment.0)));
        }
        let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
        let seconds: u64 = match unit {
            "m" => 60,
            "h" => 3600,
            "d" => 86_400,
            "w" => 604_800,
            _ => return None,
        };
        let count: u64 = digits.parse().ok().filter(|count| (1..=100_000).contains(count))?;
        Some(Self(Range::Ago(Duration::from_secs(count.saturating_mul(seconds)))))
    }
}

impl std::fmt::Display for Moment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0.unix_millis()) {
            Ok(moment) => write!(f, "{moment}"),
            // Only a moment thousands of years away has no such form.
            Err(_) => write!(f, "{}", self.0.unix_millis()),
        }
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl std::str::FromStr for Moment {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text).ok_or(WRONG_MOMENT)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom(WRONG_MOMENT))
    }
}

impl<'de> Deserialize<'de> for Since {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom(WRONG_SINCE))
    }
}
