use std::time::Duration;

use serde::Deserialize;
use utoipa::ToSchema;

/// A length of time: a whole number of seconds, minutes, hours or days, such as `30s`, `10m`, `2h`, `1d`; at most 366
/// days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(value_type = String, example = "10m")]
pub struct Length(Duration);

impl Length {
    /// The longest.
    pub const MOST: Duration = Duration::from_hours(366 * 24);

    /// The length.
    pub const fn get(self) -> Duration {
        self.0
    }
}

impl std::str::FromStr for Length {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).ok_or("write a length of time such as 30s, 10m, 2h or 1d, at most 366d")
    }
}

impl TryFrom<String> for Length {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

fn parse(text: &str) -> Option<Length> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let seconds: u64 = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    let is_plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let count: u64 = digits.parse().ok().filter(|count| is_plain && *count > 0)?;
    let length = Duration::from_secs(count.checked_mul(seconds)?);
    (length <= Length::MOST).then_some(Length(length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_whole_and_bounded() {
        for (text, seconds) in [("30s", 30), ("10m", 600), ("2h", 7_200), ("366d", 366 * 86_400)] {
            assert_eq!(text.parse(), Ok(Length(Duration::from_secs(seconds))), "{text}");
        }
        for text in ["", "s", "0s", "10", "-1m", "+1m", "1.5h", "367d", "1w", "18446744073709551615d", "1\u{fc}"] {
            assert!(text.parse::<Length>().is_err(), "{text}");
        }
    }
}
