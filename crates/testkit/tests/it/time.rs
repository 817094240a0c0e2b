//! The clock and the chance that tests hand to everything else.

use std::time::Duration;

use keyward_domain::port::{Clock as _, Entropy as _};
use keyward_domain::time::Timestamp;
use keyward_testkit::{ManualClock, SeededEntropy};

#[test]
fn the_clock_moves_only_when_told() {
    let start = Timestamp::from_unix_millis(1_790_000_000_000);
    let clock = ManualClock::at(start);
    let shared = clock.clone();
    assert_eq!((clock.now(), clock.monotonic()), (start, Duration::ZERO));
    shared.advance(Duration::from_millis(1500));
    assert_eq!(clock.now(), start.plus(Duration::from_millis(1500)));
    clock.set_wall(start.minus(Duration::from_hours(1)));
    assert_eq!(shared.now(), start.minus(Duration::from_hours(1)));
    assert_eq!(clock.monotonic(), Duration::from_millis(1500), "a step of the wall clock is no passing of time");
}

#[test]
fn chance_repeats_with_its_seed() {
    let take = |seed: u64| {
        let entropy = SeededEntropy::new(seed);
        let (mut first, mut second) = ([0_u8; 13], [0_u8; 32]);
        entropy.fill(&mut first).unwrap();
        entropy.fill(&mut second).unwrap();
        (first, second)
    };
    assert_eq!(take(1), take(1));
    assert_ne!(take(1), take(2));
    assert_ne!(take(1).0, take(1).1[..13]);
    let dry = SeededEntropy::new(1);
    dry.set_dry(true);
    let mut untouched = [0_u8; 8];
    assert!(dry.fill(&mut untouched).is_err());
    assert_eq!(untouched, [0; 8]);
}
