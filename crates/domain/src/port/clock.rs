use std::time::Duration;

use crate::time::Timestamp;

/// Time. The process has one real clock; tests bring a manual one.
pub trait Clock: Send + Sync {
    /// Wall time.
    fn now(&self) -> Timestamp;

    /// Time since an arbitrary beginning; never goes back. For lengths, not for dates.
    fn monotonic(&self) -> Duration;
}
