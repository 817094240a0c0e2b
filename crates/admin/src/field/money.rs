//! Prices as people write them, exactly: decimal texts of dollars become whole pico-dollars. No floats.

use keyward_domain::money::Nanodollars;
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

/// US dollars per million units, as a decimal text: `2.50`. At most six decimals, which is one pico-dollar per unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, example = "2.50")]
pub struct DollarsPerMillion(pub u64);

/// US dollars per unit, as a decimal text: `0.04`. At most twelve decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, example = "0.04")]
pub struct Dollars(pub u64);

/// An amount of US dollars above zero, as a decimal text: `100` or `12.50`. At most nine decimals, which is one
/// nano-dollar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, example = "100")]
pub struct Usd(pub Nanodollars);

/// An amount of US dollars, zero or more, as a decimal text: `500`, `12.50` or `0`. At most nine decimals, which is one
/// nano-dollar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, example = "500")]
pub struct Amount(pub Nanodollars);

/// An amount of US dollars that is not zero and may be negative, as a decimal text: `-0.05` or `12.50`. At most nine
/// decimals, which is one nano-dollar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, example = "-0.05")]
pub struct Adjustment(pub Nanodollars);

/// An amount without its dollar sign, with every decimal that matters.
pub fn usd(amount: Nanodollars) -> String {
    amount.to_string().replace('$', "")
}

/// Parts of a unit that a decimal text stands for, when the unit is worth 10^`places` of them.
fn parse(text: &str, places: usize) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || whole.len() > 7 || fraction.len() > places || !digits(whole) || !digits(fraction) {
        return None;
    }
    format!("{whole}{fraction:0<places$}").parse().ok()
}

impl std::str::FromStr for Usd {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let amount = parse(text, 9).filter(|amount| *amount > 0).and_then(|amount| i64::try_from(amount).ok());
        amount.map(|amount| Self(Nanodollars(amount))).ok_or(
            "write amounts as texts of dollars above zero, such as \"100\" or \"12.50\", with at most nine decimals",
        )
    }
}

impl std::str::FromStr for Amount {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let amount = parse(text, 9).and_then(|amount| i64::try_from(amount).ok());
        amount.map(|amount| Self(Nanodollars(amount))).ok_or(
            "write amounts as texts of dollars, such as \"500\" or \"12.50\": not negative, less than 10000000, and with \
             at most nine decimals",
        )
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Usd {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl std::str::FromStr for DollarsPerMillion {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = "write prices as texts of dollars per million, such as \"2.50\", with at most six decimals";
        parse(text, 6).map(Self).ok_or(wrong)
    }
}

impl<'de> Deserialize<'de> for Adjustment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let digits = text.strip_prefix('-').unwrap_or(&text);
        let amount = parse(digits, 9).filter(|amount| *amount > 0).and_then(|amount| i64::try_from(amount).ok());
        let wrong = "write amounts as texts of dollars that are not zero, such as \"-0.05\" or \"12.50\", with at most \
                     nine decimals";
        let amount = amount.ok_or_else(|| serde::de::Error::custom(wrong))?;
        Ok(Self(Nanodollars(if digits.len() < text.len() { -amount } else { amount })))
    }
}

impl<'de> Deserialize<'de> for DollarsPerMillion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Dollars {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let wrong = "write prices as texts of dollars, such as \"0.04\", with at most twelve decimals";
        parse(&text, 12).map(Self).ok_or_else(|| serde::de::Error::custom(wrong))
    }
}
