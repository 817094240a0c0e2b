//! Retries: 20 % of traffic and 10 a second, and a jittered pause before each.

use std::time::Duration;

use keyward_domain::time::Timestamp;
use keyward_pool::{Draw, Moment, RetryBudget, backoff};

fn at(millis: u64) -> Moment {
    Moment::new(
        Timestamp::from_unix_millis(1_800_000_000_000),
        Duration::from_secs(500) + Duration::from_millis(millis),
    )
}

#[test]
fn k08_retries_never_exceed_their_budget_in_an_outage() {
    let budget = RetryBudget::new();
    let (mut calls, mut retries) = (0_u64, 0_u64);
    // A thousand calls a second, all of them failing and wanting three retries.
    for millis in 0..120_000 {
        budget.deposit(at(millis));
        calls += 1;
        retries += (0..3).filter(|_| budget.withdraw(at(millis))).map(|_| 1).sum::<u64>();
    }
    assert!(retries <= calls / 5 + 10 * 120 + 200, "{retries} for {calls} calls");
    assert!(retries >= calls / 5, "{retries} for {calls} calls");
}

#[test]
fn k08_a_few_retries_are_always_there_and_old_traffic_does_not_count() {
    let budget = RetryBudget::new();
    assert_eq!((0..1_000).filter(|_| budget.withdraw(at(0))).count(), 100);
    assert_eq!(budget.left(at(9_000)), 0);
    assert_eq!(budget.left(at(10_000)), 100);
    (0..1_000).for_each(|_| budget.deposit(at(20_000)));
    assert_eq!(budget.left(at(20_000)), 300);
    assert_eq!(budget.left(at(31_000)), 100);
}

#[test]
fn k08_threads_share_one_budget() {
    let budget = RetryBudget::new();
    (0..5_000).for_each(|_| budget.deposit(at(0)));
    let taken: usize = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..4).map(|_| scope.spawn(|| (0..2_000).filter(|_| budget.withdraw(at(0))).count())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert!((1_090..=1_100).contains(&taken), "{taken}");
}

#[test]
fn pauses_are_jittered_over_their_whole_length() {
    let mut draw = Draw::seeded(8);
    for (attempt, most) in [(1, 50), (2, 100), (3, 200), (6, 1_600), (7, 2_000), (u32::MAX, 2_000)] {
        let pauses: Vec<_> = (0..2_000).map(|_| backoff(attempt, &mut draw).as_millis()).collect();
        assert!(pauses.iter().all(|pause| *pause <= most), "attempt {attempt}");
        assert!(
            pauses.iter().any(|pause| *pause <= most / 20) && pauses.iter().any(|pause| *pause >= most - most / 20)
        );
    }
}

#[test]
fn k08_what_every_thread_pays_in_counts() {
    let budget = RetryBudget::new();
    std::thread::scope(|scope| {
        for _ in 0..40 {
            scope.spawn(|| (0..1_000).for_each(|second| budget.deposit(at(second * 9))));
        }
    });
    assert_eq!(budget.left(at(9_000)), 100 + 40_000 / 5);
    assert_eq!(budget.left(at(30_000)), 100, "old traffic does not count");
}
