use std::time::Duration;

use keyward_domain::budget::Mode;
use keyward_domain::limit::{Limit, LimitPeriod, Meter};
use keyward_domain::port::{Amounts, Counters as _, Refusal};
use keyward_limit::rate::InProcess;

use super::{MINUTE, level, limit, retry_after, take, tokens, used, with_burst};

const NOW: Duration = Duration::from_secs(1_000);

#[test]
fn l01_of_a_thousand_calls_a_hundred_pass() {
    let (counters, limits) = (InProcess::default(), [limit(1, Meter::Requests, 100)]);
    let passed = |from: Duration| {
        let at = |n: u64| from + Duration::from_millis(n);
        (0..1_000).filter(|n| take(&counters, &limits, Amounts::default(), at(*n)).is_ok()).count()
    };
    assert_eq!(passed(NOW), 100);
    assert_eq!(passed(NOW + Duration::from_secs(30)), 0);
    assert_eq!(passed(NOW + MINUTE + Duration::from_secs(1)), 100);
}

#[test]
fn l01_of_a_thousand_calls_on_eight_threads_a_hundred_pass() {
    let (counters, limits) =
        (InProcess::default(), [limit(1, Meter::Requests, 100), limit(2, Meter::Tokens, 1_000_000)]);
    let passed = std::sync::atomic::AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let own = (0..125).filter(|_| take(&counters, &limits, tokens(1, 0), NOW).is_ok()).count();
                passed.fetch_add(own as u64, std::sync::atomic::Ordering::Relaxed);
            });
        }
    });
    assert_eq!(passed.into_inner(), 100);
    assert_eq!(used(&counters, &limits[1], NOW), 100, "a refused call counts nowhere");
}

#[test]
fn l02_a_refused_call_changes_no_counter_and_meters_are_independent() {
    let counters = InProcess::default();
    let limits = [
        limit(1, Meter::Requests, 10),
        limit(2, Meter::InputTokens, 1_000),
        with_burst(3, Meter::OutputTokens, 500, 100),
        limit(4, Meter::Concurrency, 5),
    ];
    let levels = |now| limits.each_ref().map(|limit| level(&counters, limit, now));

    let first = take(&counters, &limits, tokens(600, 50), NOW).unwrap();
    let before = levels(NOW);
    assert_eq!(before.map(|level| level.used), [1, 600, 50, 1]);

    // The prompt does not fit, the burst does not fit: the other counters do not move.
    for amounts in [tokens(401, 10), tokens(10, 51)] {
        let refusal = take(&counters, &limits, amounts, NOW).unwrap_err();
        assert!(matches!(&refusal, Refusal::Reached(reached) if reached.scope == super::team()), "{refusal:?}");
        assert_eq!(levels(NOW), before);
    }
    // Calls are left, and a prompt that fits passes.
    let second = take(&counters, &limits, tokens(400, 50), NOW).unwrap();
    assert_eq!(levels(NOW).map(|level| level.used), [2, 1_000, 100, 2]);
    counters.undo(second, NOW);
    assert_eq!(levels(NOW), before);
    counters.undo(first, NOW);
    assert_eq!(levels(NOW).map(|level| level.used), [0; 4]);
}

#[test]
fn l02_the_estimate_is_reserved_and_the_truth_settled() {
    for limit in [limit(1, Meter::Tokens, 1_000), with_burst(1, Meter::Tokens, 1_000, 1_000)] {
        let (counters, limits) = (InProcess::default(), [limit]);
        let taken = take(&counters, &limits, tokens(500, 400), NOW).unwrap();
        assert!(take(&counters, &limits, tokens(101, 0), NOW).is_err());
        counters.settle(taken, tokens(100, 100), NOW);
        assert_eq!(used(&counters, &limits[0], NOW), 200, "what was not used comes back");

        let taken = take(&counters, &limits, tokens(0, 800), NOW).unwrap();
        counters.settle(taken, tokens(0, 1_300), NOW);
        assert_eq!(used(&counters, &limits[0], NOW), 1_500, "what was used beyond it is owed");
        assert!(take(&counters, &limits, tokens(0, 0), NOW).is_err());
        let wait = retry_after(take(&counters, &limits, tokens(100, 0), NOW).unwrap_err());
        assert!(take(&counters, &limits, tokens(100, 0), NOW + wait.saturating_sub(Duration::from_millis(1))).is_err());
        assert!(take(&counters, &limits, tokens(100, 0), NOW + wait).is_ok(), "retry-after is true");
    }
}

#[test]
fn l02_what_is_settled_late_counts_from_then_on() {
    let (counters, limits) = (InProcess::default(), [limit(1, Meter::Tokens, 1_000)]);
    let taken = take(&counters, &limits, tokens(10, 0), NOW).unwrap();
    let late = NOW + MINUTE * 3;
    counters.settle(taken, tokens(10, 900), late);
    assert_eq!(used(&counters, &limits[0], late), 900);
}

#[test]
fn the_limit_that_has_room_last_is_the_one_reported() {
    let (counters, limits) = (
        InProcess::default(),
        [limit(1, Meter::Requests, 1), Limit { period: Some(LimitPeriod::Hour), ..limit(2, Meter::Requests, 1) }],
    );
    let _taken = take(&counters, &limits, Amounts::default(), NOW).unwrap();
    let refusal = take(&counters, &limits, Amounts::default(), NOW + Duration::from_secs(10)).unwrap_err();
    let Refusal::Reached(reached) = refusal else { panic!("there will be room") };
    assert_eq!(reached.period, Some(LimitPeriod::Hour));
    assert_eq!(reached.retry_after, Duration::from_secs(3_590));
}

#[test]
fn a83_zero_blocks_all_one_lets_one_pass_and_the_most_does_not_overflow() {
    for meter in Meter::ALL {
        for limit in [limit(1, meter, 0), with_burst(1, meter, 0, 5), with_burst(1, meter, 5, 0)] {
            if meter == Meter::Concurrency && limit.quota > 0 {
                continue;
            }
            let refusal = take(&InProcess::default(), &[limit], tokens(0, 0), NOW).unwrap_err();
            assert!(matches!(refusal, Refusal::Exceeds(_)), "{refusal:?}");
        }
        for one in [limit(1, meter, 1), with_burst(1, meter, 1, 1)] {
            let (counters, limits) = (InProcess::default(), [one]);
            let amounts = if meter == Meter::OutputTokens { tokens(0, 1) } else { tokens(1, 0) };
            let _taken = take(&counters, &limits, amounts, NOW).unwrap();
            assert!(take(&counters, &limits, amounts, NOW).is_err());
        }
        for most in [limit(1, meter, u64::MAX), with_burst(1, meter, u64::MAX, u64::MAX)] {
            let (counters, limits) = (InProcess::default(), [most]);
            for step in 0..3 {
                let now = NOW + Duration::from_millis(step);
                let Ok(taken) = take(&counters, &limits, tokens(u64::MAX, u64::MAX), now) else { continue };
                counters.settle(taken, tokens(u64::MAX, u64::MAX), now);
            }
            let end = Duration::from_secs(u64::MAX);
            assert!(level(&counters, &limits[0], end).used <= 3);
        }
    }
}

#[test]
fn a84_an_amount_that_never_fits_is_told_so_and_not_to_wait() {
    for limits in [[limit(1, Meter::Tokens, 1_000)], [with_burst(1, Meter::Tokens, 60_000, 1_000)]] {
        let counters = InProcess::default();
        assert!(matches!(take(&counters, &limits, tokens(600, 401), NOW).unwrap_err(), Refusal::Exceeds(_)));
        assert_eq!(used(&counters, &limits[0], NOW), 0);
        let _taken = take(&counters, &limits, tokens(600, 400), NOW).unwrap();
        // It still can never fit, however full the counter is.
        assert!(matches!(take(&counters, &limits, tokens(600, 401), NOW).unwrap_err(), Refusal::Exceeds(_)));
        assert!(matches!(take(&counters, &limits, tokens(1, 0), NOW).unwrap_err(), Refusal::Reached(_)));
    }
}

#[test]
fn an_observing_limit_refuses_nothing_and_says_what_it_would_have_refused() {
    let observing = Limit { mode: Mode::Observe, ..limit(1, Meter::Requests, 10) };
    let (counters, limits) = (InProcess::default(), [observing, limit(2, Meter::Tokens, 1_000)]);
    let taken: Vec<_> = (0..25).map(|_| take(&counters, &limits, tokens(1, 0), NOW).unwrap()).collect();
    assert_eq!(taken.iter().filter(|taken| taken.would_refuse().count() == 1).count(), 15);
    assert_eq!(used(&counters, &limits[0], NOW), 10, "counted as if it acted");
    for taken in taken {
        counters.undo(taken, NOW);
    }
    assert_eq!(limits.each_ref().map(|limit| used(&counters, limit, NOW)), [0, 0]);

    let small = [Limit { mode: Mode::Observe, ..limit(3, Meter::Tokens, 10) }];
    let taken = take(&counters, &small, tokens(11, 0), NOW).unwrap();
    assert_eq!(taken.would_refuse().count(), 1);
    counters.settle(taken, tokens(500, 0), NOW);
    assert_eq!(used(&counters, &small[0], NOW), 0);
}

#[test]
fn the_tightest_limit_is_what_headers_tell() {
    let counters = InProcess::default();
    let limits = [
        limit(1, Meter::Requests, 100),
        limit(2, Meter::Tokens, 1_000),
        limit(3, Meter::Concurrency, 1),
        Limit { mode: Mode::Observe, ..limit(4, Meter::Requests, 1) },
    ];
    let taken = take(&counters, &limits, tokens(300, 0), NOW).unwrap();
    let tightest = taken.tightest().unwrap();
    assert_eq!(tightest.name(), "team-tokens-minute");
    assert_eq!((tightest.limit.quota, tightest.remaining, tightest.reset), (1_000, 700, MINUTE));
    counters.undo(taken, NOW);
    assert!(take(&counters, &limits[2..], tokens(0, 0), NOW).unwrap().tightest().is_none());
}

#[test]
fn a_limit_that_is_changed_keeps_its_counter_when_it_is_counted_the_same_way() {
    let (counters, before) = (InProcess::default(), limit(1, Meter::Requests, 10));
    for _ in 0..10 {
        let _taken = take(&counters, std::slice::from_ref(&before), tokens(0, 0), NOW).unwrap();
    }
    let raised = Limit { quota: 12, revision: 2, ..before.clone() };
    assert_eq!(level(&counters, &raised, NOW).remaining, 2);
    let lowered = Limit { quota: 5, revision: 3, ..before.clone() };
    assert!(take(&counters, &[lowered], tokens(0, 0), NOW).is_err());
    let hourly = Limit { period: Some(LimitPeriod::Hour), revision: 4, ..before };
    assert_eq!(level(&counters, &hourly, NOW).used, 0);
}

#[test]
fn a_quota_that_is_changed_flows_from_then_on() {
    let (counters, before) = (InProcess::default(), with_burst(1, Meter::Tokens, 60, 60));
    let _taken = take(&counters, std::slice::from_ref(&before), tokens(60, 0), NOW).unwrap();
    assert_eq!(used(&counters, &before, NOW + Duration::from_millis(1)), 60, "what has flowed off in part is in use");
    let raised = Limit { quota: 6_000, ..before };
    let later = NOW + Duration::from_secs(30);
    assert_eq!(level(&counters, &raised, later).remaining, 30);
    assert_eq!(level(&counters, &raised, later + Duration::from_millis(100)).remaining, 40);
}

#[test]
fn what_is_owed_is_at_most_one_period() {
    let (counters, limits) = (InProcess::default(), [with_burst(1, Meter::Tokens, 1_000, 500)]);
    let taken = take(&counters, &limits, tokens(1, 0), NOW).unwrap();
    counters.settle(taken, tokens(1_000_000, 0), NOW);
    assert_eq!(level(&counters, &limits[0], NOW).used, 1_500);
    assert_eq!(retry_after(take(&counters, &limits, tokens(0, 0), NOW).unwrap_err()), MINUTE);
}
