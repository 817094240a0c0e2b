//! The monotonic clock and an absolute sleep, both in nanoseconds.

use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::time::{TimeSpec, TimeValLike};
use nix::time::{ClockId, ClockNanosleepFlags, clock_gettime, clock_nanosleep};

pub const NANOS_PER_SECOND: i64 = 1_000_000_000;

pub fn now() -> i64 {
    clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(0, |time| time.num_nanoseconds())
}

/// Returns at once when the moment has passed.
pub fn sleep_until(moment: i64) {
    let moment = TimeSpec::nanoseconds(moment);
    while clock_nanosleep(ClockId::CLOCK_MONOTONIC, ClockNanosleepFlags::TIMER_ABSTIME, &moment) == Err(Errno::EINTR) {}
}

/// The kernel may wake a thread 50 us late to save power; for this one it may not.
pub fn sharpen_this_threads_timer() {
    let _ = prctl::set_timerslack(1);
}
