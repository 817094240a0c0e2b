//! Clocks that jump and machines that sleep.

use std::time::Duration;

use keyward_domain::limit::Meter;
use keyward_domain::port::Clock as _;
use keyward_domain::time::Timestamp;
use keyward_limit::rate::InProcess;
use keyward_testkit::ManualClock;

use super::{limit, take, tokens, with_burst};

const YEAR: Duration = Duration::from_hours(24 * 365);

#[test]
fn f65_a_wall_clock_that_is_set_frees_nothing_and_blocks_nothing() {
    let start = Timestamp::from_unix_millis(1_790_000_000_000);
    let hour = Duration::from_hours(1);
    for wall in [start.plus(hour), start.minus(hour), start.plus(YEAR), start.minus(YEAR)] {
        let (clock, counters, limits) = (ManualClock::at(start), InProcess::default(), [limit(1, Meter::Requests, 10)]);
        let pass = || (0..20).filter(|_| take(&counters, &limits, tokens(0, 0), clock.monotonic()).is_ok()).count();
        assert_eq!(pass(), 10);
        clock.set_wall(wall);
        assert_eq!(pass(), 0);
        clock.advance(Duration::from_mins(1));
        assert_eq!(pass(), 10);
    }
}

#[test]
fn f66_after_a_sleep_no_more_than_the_limit_passes_at_once() {
    let clock = ManualClock::at(Timestamp::from_unix_millis(1_790_000_000_000));
    for (limits, most) in [([limit(1, Meter::Requests, 10)], 10), ([with_burst(2, Meter::Requests, 10, 3)], 3)] {
        let counters = InProcess::default();
        let pass = || (0..50).filter(|_| take(&counters, &limits, tokens(0, 0), clock.monotonic()).is_ok()).count();
        assert_eq!(pass(), most);
        // The monotonic clock counted the sleep: all is free once, what was missed is not added up.
        clock.advance(Duration::from_mins(10));
        assert_eq!(pass(), most);
        // It did not count the sleep: nothing is free yet.
        clock.set_wall(clock.now().plus(Duration::from_mins(10)));
        assert_eq!(pass(), 0);
    }
}

#[test]
fn a_loop_that_read_the_clock_earlier_does_no_harm() {
    for limits in [[limit(1, Meter::Requests, 2)], [with_burst(1, Meter::Requests, 60, 2)]] {
        let (counters, before) = (InProcess::default(), Duration::from_secs(100));
        let now = before + Duration::from_millis(300);
        let _taken = take(&counters, &limits, tokens(0, 0), now).unwrap();
        let _taken = take(&counters, &limits, tokens(0, 0), before).unwrap();
        for _ in 0..20 {
            assert!(take(&counters, &limits, tokens(0, 0), before).is_err(), "no time passes twice");
            assert!(take(&counters, &limits, tokens(0, 0), now).is_err());
        }
    }
}
