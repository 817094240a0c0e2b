use std::fmt;
use std::str::FromStr;

use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::ser::{Serialize, Serializer};
use utoipa::ToSchema;

/// A share in percent with at most one decimal: `80`, `99.5`; up to 1000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ToSchema)]
#[schema(value_type = String, example = "80")]
pub struct Share(u16);

/// Ten times the whole.
const MOST: u16 = 10_000;

const WRONG: &str = "write shares in percent, such as 80 or 99.5: above 0, at most 1000, and with at most one decimal";
const WRONG_FRACTION: &str = "write shares as parts of the whole, such as 0.8 or 0.995: above 0, at most 10, and with at \
                              most three decimals";

impl Share {
    /// Thousandths of the whole.
    pub const fn thousandths(self) -> u16 {
        self.0
    }

    /// So many thousandths of the whole.
    pub const fn of(thousandths: u16) -> Self {
        Self(thousandths)
    }

    /// The share written as a part of the whole: `0.8`.
    pub fn from_fraction(text: &str) -> Result<Self, &'static str> {
        parse(text, 3).ok_or(WRONG_FRACTION)
    }
}

fn parse(text: &str, places: usize) -> Option<Share> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let fits = (1..=4).contains(&whole.len()) && fraction.len() <= places && digits(whole) && digits(fraction);
    let share: u32 = format!("{whole}{fraction:0<places$}").parse().ok().filter(|_| fits)?;
    u16::try_from(share).ok().filter(|share| (1..=MOST).contains(share)).map(Share)
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0 / 10, self.0 % 10) {
            (whole, 0) => write!(f, "{whole}"),
            (whole, tenth) => write!(f, "{whole}.{tenth}"),
        }
    }
}

impl FromStr for Share {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text, 1).ok_or(WRONG)
    }
}

impl Serialize for Share {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reading)
    }
}

struct Reading;

impl Visitor<'_> for Reading {
    type Value = Share;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a share in percent such as 80 or \"99.5\"")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Share, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Share, E> {
        text.parse().map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_percent_and_exact() {
        for (text, thousandths) in [("50", 500), ("99.5", 995), ("0.1", 1), ("1000", 10_000)] {
            assert_eq!(text.parse::<Share>().map(Share::thousandths), Ok(thousandths), "{text}");
            assert_eq!(Share(thousandths).to_string(), text);
        }
        for text in ["", "0", "-1", "80%", "1000.1", "0.05", ".5", "1e2", "eighty"] {
            assert!(text.parse::<Share>().is_err(), "{text}");
        }
        for (text, thousandths) in [("0.5", 500), ("1.0", 1_000), ("0.995", 995), ("1", 1_000)] {
            assert_eq!(Share::from_fraction(text).map(Share::thousandths), Ok(thousandths), "{text}");
        }
        for text in ["0", "0.0005", "11", "80", "0.8x"] {
            assert!(Share::from_fraction(text).is_err(), "{text}");
        }
    }
}
