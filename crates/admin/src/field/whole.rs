use std::fmt;
use std::marker::PhantomData;
use std::ops::RangeInclusive;

use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};

/// A whole number from `LEAST` to `MOST`, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Whole<T, const LEAST: u64, const MOST: u64>(pub T);

/// A share of traffic, relative to the others'.
pub type Weight = Whole<u16, 1, 1000>;

/// Which keys, or targets, go first: the lower.
pub type Tier = Whole<u8, 0, 255>;

/// Requests per minute or day.
pub type Requests = Whole<u32, 1, 1_000_000_000>;

/// Tokens per minute.
pub type Tokens = Whole<u64, 1, 1_000_000_000_000>;

/// Calls in flight at once.
pub type Concurrency = Whole<u32, 1, 1_000_000>;

impl<T, const LEAST: u64, const MOST: u64> Whole<T, LEAST, MOST> {
    /// What it may be.
    pub const RANGE: RangeInclusive<u64> = LEAST..=MOST;
}

impl<T: TryFrom<u64>, const LEAST: u64, const MOST: u64> Whole<T, LEAST, MOST> {
    /// The number as this type; `None` when it is out of range.
    pub fn of(number: u64) -> Option<Self> {
        if !Self::RANGE.contains(&number) {
            return None;
        }
        T::try_from(number).ok().map(Self)
    }
}

impl<'de, T: TryFrom<u64>, const LEAST: u64, const MOST: u64> Deserialize<'de> for Whole<T, LEAST, MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Counting(PhantomData))
    }
}

struct Counting<T, const LEAST: u64, const MOST: u64>(PhantomData<T>);

impl<T: TryFrom<u64>, const LEAST: u64, const MOST: u64> Visitor<'_> for Counting<T, LEAST, MOST> {
    type Value = Whole<T, LEAST, MOST>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a whole number from {LEAST} to {MOST}")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        Whole::of(number).ok_or_else(|| E::invalid_value(Unexpected::Unsigned(number), &self))
    }
}
