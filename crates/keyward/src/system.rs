//! The world outside: the real clock. Everything else takes it as an argument.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use keyward_domain::port::Clock;
use keyward_domain::time::Timestamp;

/// The clock of this machine.
#[derive(Debug)]
pub struct SystemClock {
    started: Instant,
}

impl SystemClock {
    /// A clock whose monotonic time begins now.
    pub fn start() -> Self {
        Self { started: Instant::now() }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "this is the one real clock that everybody else is handed")]
        let now = SystemTime::now();
        // A machine whose clock stands before 1970 gets the epoch: wrong, but neither a panic nor a negative id.
        let since_epoch = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_unix_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }

    fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }
}
