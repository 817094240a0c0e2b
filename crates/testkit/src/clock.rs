//! A clock that stands still until the test moves it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use keyward_domain::port::Clock;
use keyward_domain::time::Timestamp;

/// Time under the test's thumb. Clones share the same time.
///
/// ```
/// use std::time::Duration;
/// use keyward_domain::port::Clock as _;
/// use keyward_domain::time::Timestamp;
/// use keyward_testkit::ManualClock;
/// let clock = ManualClock::at(Timestamp::from_unix_millis(1_790_000_000_000));
/// clock.advance(Duration::from_secs(7));
/// assert_eq!(clock.now(), Timestamp::from_unix_millis(1_790_000_007_000));
/// assert_eq!(clock.monotonic(), Duration::from_secs(7));
/// ```
#[derive(Debug, Clone)]
pub struct ManualClock {
    time: Arc<Mutex<Time>>,
}

#[derive(Debug, Clone, Copy)]
struct Time {
    wall: Timestamp,
    monotonic: Duration,
}

impl ManualClock {
    /// Starts at this moment, with a monotonic time of zero.
    pub fn at(wall: Timestamp) -> Self {
        Self { time: Arc::new(Mutex::new(Time { wall, monotonic: Duration::ZERO })) }
    }

    /// Lets time pass: wall and monotonic time move together.
    pub fn advance(&self, length: Duration) {
        self.with(|time| {
            time.wall = time.wall.plus(length);
            time.monotonic = time.monotonic.saturating_add(length);
        });
    }

    /// Sets the wall clock, as an administrator or a time server does; monotonic time does not notice.
    pub fn set_wall(&self, wall: Timestamp) {
        self.with(|time| time.wall = wall);
    }

    fn with<R>(&self, act: impl FnOnce(&mut Time) -> R) -> R {
        act(&mut self.time.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.with(|time| time.wall)
    }

    fn monotonic(&self) -> Duration {
        self.with(|time| time.monotonic)
    }
}
