use std::fmt;
use std::str::FromStr;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use keyward_domain::time::Timestamp;
use keyward_domain::window::Zone;
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use super::Moment;

/// A moment: with its offset, as `2026-12-01T00:00:00Z`, or as the clock on the wall shows it where the budget is counted,
/// as `2026-12-01T00:00` or `2026-12-01`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, example = "2026-12-01T00:00")]
pub struct LocalMoment(Written);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Written {
    At(Timestamp),
    OnTheWall(DateTime),
}

const WRONG: &str = "write moments like 2026-12-01, 2026-12-01T00:00 or 2026-12-01T00:00:00Z";

impl LocalMoment {
    /// This very moment.
    pub const fn at(moment: Timestamp) -> Self {
        Self(Written::At(moment))
    }

    /// The moment, when the clock on the wall is this zone's; `None` for one that its calendar cannot say.
    pub fn in_zone(self, zone: &Zone) -> Option<Timestamp> {
        match self.0 {
            Written::At(moment) => Some(moment),
            Written::OnTheWall(time) => {
                let there = time.to_zoned(TimeZone::get(zone.name()).ok()?).ok()?;
                Some(Timestamp::from_unix_millis(there.timestamp().as_millisecond()))
            }
        }
    }
}

impl fmt::Display for LocalMoment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Written::At(moment) => Moment(moment).fmt(f),
            Written::OnTheWall(time) => write!(f, "{time}"),
        }
    }
}

impl FromStr for LocalMoment {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(moment) = text.parse::<jiff::Timestamp>() {
            return Ok(Self::at(Timestamp::from_unix_millis(moment.as_millisecond())));
        }
        let date = text.parse::<Date>().ok().filter(|_| text.len() == "2026-12-01".len());
        let time = date.map(|date| date.at(0, 0, 0, 0)).or_else(|| text.parse().ok());
        // A zone in brackets would be read over: whoever writes one means it.
        let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || b"-:.T".contains(&byte));
        time.filter(|_| is_plain).map(|time| Self(Written::OnTheWall(time))).ok_or(WRONG)
    }
}

impl<'de> Deserialize<'de> for LocalMoment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_without_an_offset_are_the_zones_own() {
        let seoul: Zone = "Asia/Seoul".parse().unwrap();
        let shown = |text: &str| Moment(text.parse::<LocalMoment>().unwrap().in_zone(&seoul).unwrap()).to_string();
        assert_eq!(shown("2026-12-01"), "2026-11-30T15:00:00Z");
        assert_eq!(shown("2026-12-01T08:30"), "2026-11-30T23:30:00Z");
        assert_eq!(shown("2026-12-01T00:00:00Z"), "2026-12-01T00:00:00Z");
        for text in ["", "tomorrow", "2026-13-01", "2026-12-01 ", "2026-12-01T25:00", "2026-12-01T00:00[Asia/Tokyo]"] {
            assert!(text.parse::<LocalMoment>().is_err(), "{text}");
        }
    }
}
