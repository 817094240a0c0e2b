//! L01 and L03 under a scheduler that decides, lock by lock, which thread goes on. The counters are mounted here with
//! that scheduler's locks in the place of the real ones. A schedule that fails is printed, with what replays it.

#[expect(
    dead_code,
    unused_imports,
    unreachable_pub,
    reason = "the counters' own sources: not all of them are needed here"
)]
#[path = "../../../src/rate/mod.rs"]
mod scheduled;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use keyward_domain::limit::{Limit, Meter};
use keyward_domain::port::{Ask, Counters as _, Taken};
use scheduled::InProcess;
use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, Runner};

use super::{call, limit, team, tokens};

/// The schedules of a test follow from this and nothing else.
const SEED: u64 = 0x6b65_7977_6172_6402;
const NOW: Duration = Duration::from_secs(1_000);

#[test]
fn l01_no_order_of_locks_lets_more_than_the_quota_pass() {
    schedules(|| {
        let counters = Arc::new(InProcess::default());
        let limits = Arc::new([limit(1, Meter::Requests, 3), limit(2, Meter::Tokens, 1_000)]);
        let threads: Vec<_> = (0..6)
            .map(|number| {
                let (counters, limits) = (Arc::clone(&counters), Arc::clone(&limits));
                shuttle::thread::spawn(move || take(&counters, &*limits, number % 2 == 0).is_some())
            })
            .collect();
        let passed = threads.into_iter().map(|thread| thread.join().unwrap());
        assert_eq!(passed.filter(|passed| *passed).count(), 3);
        assert_eq!(counters.level(&limits[1], &team(), NOW).used, 30, "a refused call counts nowhere");
    });
}

#[test]
fn l03_no_order_of_locks_lets_too_many_in_or_loses_a_place() {
    schedules(|| {
        let counters = Arc::new(InProcess::default());
        let limits =
            Arc::new([limit(1, Meter::Concurrency, 2), limit(2, Meter::Tokens, 1_000), limit(3, Meter::Requests, 99)]);
        let in_flight = Arc::new(AtomicU64::new(0));
        let threads: Vec<_> = (0..4)
            .map(|number| {
                let (counters, limits, in_flight) =
                    (Arc::clone(&counters), Arc::clone(&limits), Arc::clone(&in_flight));
                shuttle::thread::spawn(move || {
                    for round in 0..2 {
                        let Some(taken) = take(&counters, &*limits, (number + round) % 2 == 0) else { continue };
                        assert!(in_flight.fetch_add(1, SeqCst) < 2);
                        shuttle::thread::yield_now();
                        in_flight.fetch_sub(1, SeqCst);
                        if number == 0 { counters.undo(taken, NOW) } else { counters.settle(taken, tokens(4, 0), NOW) }
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(counters.level(&limits[0], &team(), NOW).used, 0);
        assert!(counters.level(&limits[1], &team(), NOW).used % 4 == 0, "estimates are all replaced");
    });
}

/// Half of the threads ask in the other order: they must not wait for each other.
fn take(counters: &InProcess, limits: &[Limit], turned: bool) -> Option<Taken> {
    let ask = |limit: &Limit| Ask::new(Arc::new(limit.clone()), team(), tokens(10, 0));
    let mut asks: Vec<Ask> = limits.iter().map(ask).collect();
    if turned {
        asks.reverse();
    }
    counters.take_now(asks, call(1), NOW).ok()
}

/// Many schedules: random ones, and ones that look for bugs which need few well-placed switches.
fn schedules(test: fn()) {
    run(RandomScheduler::new_from_seed(SEED, 500), test);
    run(PctScheduler::new_from_seed(SEED, 3, 500), test);
}

fn run(scheduler: impl Scheduler + 'static, test: fn()) {
    let mut config = Config::new();
    config.stack_size = 0x2_0000;
    Runner::new(scheduler, config).run(test);
}
