//! When a server is as good as none.

use std::time::Duration;

/// So many failures in a row are enough.
const IN_A_ROW: u32 = 5;
/// More than half within two seconds are enough, when there were so many calls.
const AT_LEAST: u32 = 20;

/// Counts how calls ended.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    failed_in_a_row: u32,
    second: u64,
    this_second: Ended,
    last_second: Ended,
}

#[derive(Debug, Default, Clone, Copy)]
struct Ended {
    well: u32,
    badly: u32,
}

impl Breaker {
    /// A call ended well.
    pub(super) fn well(&mut self, now: Duration) {
        self.pass(now);
        self.failed_in_a_row = 0;
        self.this_second.well = self.this_second.well.saturating_add(1);
    }

    /// A call ended badly: whether that was enough.
    pub(super) fn badly(&mut self, now: Duration) -> bool {
        self.pass(now);
        self.failed_in_a_row = self.failed_in_a_row.saturating_add(1);
        self.this_second.badly = self.this_second.badly.saturating_add(1);
        let badly = self.this_second.badly.saturating_add(self.last_second.badly);
        let well = self.this_second.well.saturating_add(self.last_second.well);
        self.failed_in_a_row >= IN_A_ROW || (badly > well && badly.saturating_add(well) >= AT_LEAST)
    }

    fn pass(&mut self, now: Duration) {
        let second = now.as_secs();
        if second == self.second {
            return;
        }
        self.last_second = if second == self.second.saturating_add(1) { self.this_second } else { Ended::default() };
        self.this_second = Ended::default();
        self.second = second;
    }
}

#[cfg(test)]
mod tests {
    use super::Breaker;
    use std::time::Duration;

    const NOW: Duration = Duration::from_secs(100);

    #[test]
    fn five_failures_in_a_row_are_enough() {
        let mut breaker = Breaker::default();
        for _ in 0..3 {
            assert_eq!([(); 4].map(|()| breaker.badly(NOW)), [false; 4]);
            for _ in 0..8 {
                breaker.well(NOW);
            }
        }
        assert_eq!([(); 5].map(|()| breaker.badly(NOW)), [false, false, false, false, true]);
    }

    #[test]
    fn more_than_half_within_two_seconds_are_enough() {
        let mut breaker = Breaker::default();
        let mut tripped = false;
        for step in 0..10 {
            breaker.well(NOW);
            tripped = breaker.badly(NOW + Duration::from_millis(step * 100));
        }
        assert!(!tripped, "exactly half");
        assert!(breaker.badly(NOW + Duration::from_millis(1_500)));
        assert!(!breaker.badly(NOW + Duration::from_secs(4)), "what was before is forgotten");
    }
}
