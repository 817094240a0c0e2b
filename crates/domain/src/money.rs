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
        let sign = if self.0 < 0 { "-" } else { "" };
        let whole = self.0.unsigned_abs() / 1_000_000_000;
        let fraction = format!("{:09}", self.0.unsigned_abs() % 1_000_000_000);
        let trimmed = fraction.trim_end_matches('0');
        let shown = if trimmed.len() < 2 { &fraction[..2] } else { trimmed };
        f.pad(&format!("{sign}${whole}.{shown}"))
    }
}
