//! Now, on both clocks.

use std::time::Duration;

use keyward_domain::time::Timestamp;

/// Now. Standings and resets go by the wall clock, so that a machine that slept wakes up right; rates and averages go by
/// the monotonic one, so that a clock that is set does not fake speed or free a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The wall clock.
    pub wall: Timestamp,
    /// Time since some fixed moment of this process; never goes back.
    pub monotonic: Duration,
}

impl Moment {
    /// Now, as both clocks show it.
    pub const fn new(wall: Timestamp, monotonic: Duration) -> Self {
        Self { wall, monotonic }
    }

    /// This moment and a length later, on both clocks.
    #[must_use]
    pub fn plus(self, length: Duration) -> Self {
        Self { wall: self.wall.plus(length), monotonic: self.monotonic.saturating_add(length) }
    }

    pub(crate) const fn wall_ms(self) -> i64 {
        self.wall.unix_millis()
    }

    pub(crate) fn monotonic_ms(self) -> u64 {
        millis(self.monotonic)
    }
}

/// A length in whole milliseconds.
pub(crate) fn millis(length: Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX)
}

/// A length in whole milliseconds, to be added to wall time.
pub(crate) fn wall_millis(length: Duration) -> i64 {
    i64::try_from(length.as_millis()).unwrap_or(i64::MAX)
}

/// A length in whole microseconds; stops at the most that 32 bits hold, more than an hour.
pub(crate) fn micros(length: Duration) -> u32 {
    u32::try_from(length.as_micros()).unwrap_or(u32::MAX)
}
