//! Integer money. Prices are pico-dollars per unit, the ledger counts nano-dollars; no floats anywhere near either.
//!
//! 1 USD = 10^9 nano-dollars = 10^12 pico-dollars. A price of `2_500_000` pico-dollars per token is $2.50 per million.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, Sub};

use serde::{Deserialize, Serialize};

/// An amount of money in nano-dollars (10^-9 USD). Balances and ledger rows; a correction may be negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Nanodollars(pub i64);

/// A price in pico-dollars (10^-12 USD) per unit: token, image, second, character, call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Picodollars(pub u64);

impl Nanodollars {
    /// No money.
    pub const ZERO: Self = Self(0);

    /// Adds, stopping at the largest amount instead of wrapping.
    #[must_use]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Add for Nanodollars {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        self.saturating_add(other)
    }
}

impl Sub for Nanodollars {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Sum for Nanodollars {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Self::saturating_add)
    }
}

/// Dollars with all nine decimals that matter, without trailing zeros: `$0.00001275`.
impl fmt::Display for Nanodollars {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (text, from) = self.written();
        f.pad(text.get(from..).and_then(|text| str::from_utf8(text).ok()).unwrap_or_default().trim_end_matches('\0'))
    }
}

/// Room for `-$9223372036.854775808`.
const LONGEST_WRITTEN: usize = 22;
/// Decimals of a dollar in nano-dollars.
const DECIMALS: usize = 9;
/// Cents are always shown.
const LEAST_DECIMALS: usize = 2;

impl Nanodollars {
    /// The exact amount in dollars as a plain decimal number, with cents and without other trailing zeros: `0.10`.
    pub fn decimal(self) -> String {
        self.to_string().replacen('$', "", 1)
    }

    /// The digits from behind, without the formatting machinery: every answer carries its cost. Gives the text, with
    /// zero bytes behind it where zeros were left out, and where it begins.
    fn written(self) -> ([u8; LONGEST_WRITTEN], usize) {
        let mut text = [0; LONGEST_WRITTEN];
        let mut rest = self.0.unsigned_abs();
        let mut at = LONGEST_WRITTEN;
        let mut is_trailing = true;
        let mut put = |at: &mut usize, byte: u8| {
            *at = at.saturating_sub(1);
            if let Some(slot) = text.get_mut(*at) {
                *slot = byte;
            }
        };
        for decimal in (0..DECIMALS).rev() {
            let digit = b"0123456789".get((rest % 10) as usize).copied().unwrap_or(b'0');
            is_trailing &= digit == b'0' && decimal >= LEAST_DECIMALS;
            put(&mut at, if is_trailing { 0 } else { digit });
            rest /= 10;
        }
        put(&mut at, b'.');
        loop {
            put(&mut at, b"0123456789".get((rest % 10) as usize).copied().unwrap_or(b'0'));
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        put(&mut at, b'$');
        if self.0 < 0 {
            put(&mut at, b'-');
        }
        (text, at)
    }
}

#[cfg(test)]
mod tests {
    use super::Nanodollars;

    #[test]
    fn amounts_are_written_with_cents_and_without_trailing_zeros() {
        for (amount, written) in [
            (0, "$0.00"),
            (1, "$0.000000001"),
            (12_750, "$0.00001275"),
            (100_000_000, "$0.10"),
            (123_000_000, "$0.123"),
            (1_000_000_000, "$1.00"),
            (-1_050_000_000, "-$1.05"),
            (12_345_678_900_000_000, "$12345678.90"),
            (i64::MAX, "$9223372036.854775807"),
            (i64::MIN, "-$9223372036.854775808"),
        ] {
            assert_eq!(Nanodollars(amount).to_string(), written);
        }
        assert_eq!(format!("{:>8}", Nanodollars(0)), "   $0.00");
    }
    #[test]
    fn amounts_add_up_and_stop_at_the_most_there_is() {
        let sum = |amounts: &[i64]| amounts.iter().copied().map(Nanodollars).sum::<Nanodollars>().0;
        assert_eq!([sum(&[]), sum(&[1, 2, -5]), sum(&[i64::MAX, 1])], [0, -2, i64::MAX]);
        assert_eq!(Nanodollars(3) + Nanodollars(-5), Nanodollars(-2));
        assert_eq!(Nanodollars(i64::MIN) - Nanodollars(1), Nanodollars(i64::MIN));
        assert_eq!(Nanodollars(100_000_000).decimal(), "0.10");
        assert_eq!(Nanodollars(-5).decimal(), "-0.000000005");
    }
}
