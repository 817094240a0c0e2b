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

/// A sum of pico-dollars before it is rounded, wide enough for any number of units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct PicodollarSum(pub u128);

impl Nanodollars {
    /// No money.
    pub const ZERO: Self = Self(0);

    /// Adds, stopping at the largest amount instead of wrapping.
    #[must_use]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl PicodollarSum {
    /// Adds `units` at `price`.
    #[must_use]
    pub const fn plus(self, units: u64, price: Picodollars) -> Self {
        Self(self.0.saturating_add((units as u128) * (price.0 as u128)))
    }

    /// Scales by a factor in thousandths, such as 1100 for +10 %.
    #[must_use]
    pub const fn scaled_permille(self, permille: u32) -> Self {
        Self(self.0.saturating_mul(permille as u128).div_ceil(1000))
    }

    /// The one rounding of an attempt: up, to whole nano-dollars.
    pub fn round_up(self) -> Nanodollars {
        Nanodollars(i64::try_from(self.0.div_ceil(1000)).unwrap_or(i64::MAX))
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
        let sign = if self.0 < 0 { "-" } else { "" };
        let whole = self.0.unsigned_abs() / 1_000_000_000;
        let fraction = format!("{:09}", self.0.unsigned_abs() % 1_000_000_000);
        let trimmed = fraction.trim_end_matches('0');
        let shown = if trimmed.len() < 2 { &fraction[..2] } else { trimmed };
        f.pad(&format!("{sign}${whole}.{shown}"))
    }
}
