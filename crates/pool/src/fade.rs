//! Averages that fade with time, in integers.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What is left of a value after a time, when half of it goes with every half-life. Linear between the halvings, which
/// is within 6 % of the true curve.
pub(crate) const fn faded(value: u64, elapsed_ms: u64, half_life_ms: u64) -> u64 {
    let halvings = elapsed_ms / half_life_ms;
    if halvings >= 63 {
        return 0;
    }
    let left = value >> halvings;
    left - left * (elapsed_ms % half_life_ms) / (2 * half_life_ms)
}

/// A number and when it was noted, in one atomic. Two writers at once may lose one sample, never mix two.
#[derive(Debug, Default)]
pub(crate) struct Stamped(AtomicU64);

impl Stamped {
    /// The number and how many milliseconds ago it was noted; `None` before the first.
    pub(crate) fn read(&self, now_ms: u64) -> Option<(u32, u64)> {
        let (value, stamp) = split(self.0.load(Relaxed))?;
        // The stamp is the clock's low 32 bits: right for anything noted within the last 49 days.
        Some((value, u64::from(low(now_ms).wrapping_sub(stamp))))
    }

    pub(crate) fn write(&self, value: u32, now_ms: u64) {
        // 0 stands for "never", so a true 0 at time 0 is noted as 1.
        let packed = (u64::from(value) << 32) | u64::from(low(now_ms));
        self.0.store(packed.max(1), Relaxed);
    }
}

fn split(packed: u64) -> Option<(u32, u32)> {
    (packed != 0).then(|| (u32::try_from(packed >> 32).unwrap_or(0), low(packed)))
}

fn low(number: u64) -> u32 {
    u32::try_from(number & 0xFFFF_FFFF).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{Stamped, faded};

    #[test]
    fn half_goes_with_every_half_life() {
        assert_eq!(faded(1000, 0, 10), 1000);
        assert_eq!(faded(1000, 10, 10), 500);
        assert_eq!(faded(1000, 5, 10), 750);
        assert_eq!(faded(1000, 35, 10), 94);
        assert_eq!(faded(u64::MAX >> 16, 10_000, 10), 0);
    }

    #[test]
    fn stamps_survive_the_wrap_of_their_clock() {
        let stamped = Stamped::default();
        assert_eq!(stamped.read(5), None);
        let before = u64::from(u32::MAX) - 9;
        stamped.write(77, before);
        assert_eq!(stamped.read(before + 30), Some((77, 30)));
    }
}
