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

/// An amount without its dollar sign, with every decimal that matters.
pub fn usd(amount: Nanodollars) -> String {
    amount.to_string().replace('$', "")
}

/// Pico-dollars that a decimal text stands for when its unit is worth 10^`places` of them.
fn parse(text: &str, places: usize) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || whole.len() > 7 || fraction.len() > places || !digits(whole) || !digits(fraction) {
        return None;
    }
    format!("{whole}{fraction:0<places$}").parse().ok()
}

impl<'de> Deserialize<'de> for DollarsPerMillion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let wrong = "write prices as texts of dollars per million, such as \"2.50\", with at most six decimals";
        parse(&text, 6).map(Self).ok_or_else(|| serde::de::Error::custom(wrong))
    }
}

impl<'de> Deserialize<'de> for Dollars {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let wrong = "write prices as texts of dollars, such as \"0.04\", with at most twelve decimals";
        parse(&text, 12).map(Self).ok_or_else(|| serde::de::Error::custom(wrong))
    }
}
