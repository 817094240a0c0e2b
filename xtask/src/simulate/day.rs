//! The day that is simulated: how long it is, and when in it something happens. A shorter day has all its hours, only
//! shorter ones, so that everything that happens in a day still does.

use std::ops::Range;
use std::time::Duration;

use keyward_domain::time::Timestamp;
use keyward_pool::Moment;

/// Hours that a whole day has.
pub const HOURS: u32 = 24;
/// The start of some UTC day.
const START_MS: i64 = 1_799_971_200_000;
/// What the monotonic clock shows then.
const UPTIME: Duration = Duration::from_hours(1);
const HOUR_MS: u64 = 3_600_000;
/// Nothing that goes wrong lasts longer than this part of the day.
const LONGEST_PART: u64 = 12;

/// A day of virtual time. Times in it are milliseconds since it began.
#[derive(Clone, Copy)]
pub struct Day {
    pub length: u64,
}

impl Day {
    pub fn of_hours(hours: u32) -> Self {
        Self { length: u64::from(hours) * HOUR_MS }
    }

    /// When a time of a whole day, in minutes, comes in this one.
    pub fn minute(self, minute: u64) -> u64 {
        self.length * minute / (u64::from(HOURS) * 60)
    }

    /// How long an hour of this day is.
    pub fn hour(self) -> u64 {
        self.minute(60)
    }

    /// From a minute of the day on, for as many real minutes, or as long as so short a day allows.
    pub fn lasting(self, from_minute: u64, minutes: u64) -> Range<u64> {
        let start = self.minute(from_minute);
        start..start + (minutes * 60_000).min(self.length / LONGEST_PART)
    }

    /// A day's amount, as much as falls to a day of this length.
    pub fn share(self, of_whole_day: u64) -> u64 {
        of_whole_day * self.length / (u64::from(HOURS) * HOUR_MS)
    }
}

/// A time as both clocks show it.
pub fn moment(at: u64) -> Moment {
    Moment::new(Timestamp::from_unix_millis(START_MS), UPTIME).plus(Duration::from_millis(at))
}

/// A time as the wall clock shows it.
pub fn wall(at: u64) -> Timestamp {
    moment(at).wall
}
