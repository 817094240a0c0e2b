//! What both backends promise, asked of both.

use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use keyward_domain::budget::Mode;
use keyward_domain::limit::{Limit, LimitPeriod, Meter};
use keyward_domain::port::{Amounts, Clock, Counters, Refusal, Taken};
use keyward_limit::rate::InProcess;

use super::node::{Chance, Node, RealClock, asks, call, limit, team, tokens, with_burst};
use super::real_cluster::Cluster;
use super::server::Server;

const VALKEY: &str = "valkey-server";

/// A backend and its clock.
struct Backend<'a> {
    name: &'static str,
    counters: &'a dyn Counters,
    clock: &'a RealClock,
}

impl Backend<'_> {
    async fn take(&self, limits: &[Limit], amounts: Amounts) -> Result<Taken, Refusal> {
        self.counters.take(asks(limits, amounts), call(1), self.clock.monotonic()).await
    }

    async fn used(&self, limit: &Limit) -> u64 {
        self.counters.view(&Arc::new(limit.clone()), &team(), self.clock.monotonic()).await.used
    }

    fn settle(&self, taken: Taken, used: Amounts) {
        self.counters.settle(taken, used, self.clock.monotonic());
    }

    fn undo(&self, taken: Taken) {
        self.counters.undo(taken, self.clock.monotonic());
    }
}

/// Runs a test on both backends, each with fresh counters.
macro_rules! on_both {
    ($($(#[$doc:meta])* $name:ident = $test:ident;)*) => {$(
        $(#[$doc])*
        #[tokio::test]
        async fn $name() {
            let clock = RealClock::starting();
            $test(&Backend { name: "in process", counters: &InProcess::default(), clock: &clock }).await;
            for (name, server) in servers() {
                let node = Node::at(&server.url()).await;
                $test(&Backend { name, counters: &node.counters, clock: &node.clock }).await;
                let counted = node.counters.counted();
                assert_eq!((counted.local, counted.timeouts, counted.failures, counted.resets), (0, 0, 0, 0), "{name}");
            }
        }
    )*};
}

/// The servers that can count: Redis, Redis as a cluster, which refuses scripts that touch several of its parts, and
/// Valkey where the machine has it.
fn servers() -> Vec<(&'static str, Server)> {
    let mut servers = vec![("redis", Server::start()), ("redis cluster", Cluster::of(1).into_first())];
    match Command::new(VALKEY).arg("--version").output() {
        Ok(_) => servers.push(("valkey", Server::start_program(VALKEY, &[]))),
        Err(error) => eprintln!("valkey is not asked: this machine has no {VALKEY} ({error})"),
    }
    servers
}

on_both! {
    l01_both_let_exactly_the_quota_pass = the_quota;
    l02_both_change_nothing_for_a_refused_call = refusals;
    l02_both_reserve_the_estimate_and_settle_the_truth = settlements;
    l03_both_count_places_exactly = places;
    l06_both_hold_their_bound_in_any_second = any_second;
    a83_both_take_limits_of_nothing_and_of_everything = extremes;
    a84_both_tell_what_never_fits = never;
    both_count_observing_limits_as_if_they_acted = observing;
    both_say_when_there_is_room = room;
    both_count_scopes_and_limits_apart = apart;
}

async fn the_quota(backend: &Backend<'_>) {
    for (number, limit) in [(1, limit(1, Meter::Requests, 100)), (2, with_burst(2, Meter::Requests, 100, 40))] {
        let mut passed = 0;
        let start = Instant::now();
        for _ in 0..300 {
            passed += u64::from(backend.take(std::slice::from_ref(&limit), tokens(0, 0)).await.is_ok());
        }
        let flowed = u64::try_from(start.elapsed().as_millis()).unwrap() * 100 / 60_000 + 1;
        match number {
            1 => assert_eq!(passed, 100, "{}", backend.name),
            _ => assert!((40..=40 + flowed).contains(&passed), "{}: {passed}", backend.name),
        }
    }
}

async fn refusals(backend: &Backend<'_>) {
    let limits = [
        limit(1, Meter::Requests, 10),
        limit(2, Meter::InputTokens, 1_000),
        Limit { period: Some(LimitPeriod::Day), ..with_burst(3, Meter::OutputTokens, 50, 100) },
        limit(4, Meter::Concurrency, 5),
    ];
    let first = backend.take(&limits, tokens(600, 50)).await.unwrap();
    let levels = async || {
        let mut used = Vec::new();
        for limit in &limits {
            used.push(backend.used(limit).await);
        }
        used
    };
    assert_eq!(levels().await, [1, 600, 50, 1], "{}", backend.name);
    for (amounts, meter) in [(tokens(401, 10), Meter::InputTokens), (tokens(10, 60), Meter::OutputTokens)] {
        let Refusal::Reached(reached) = backend.take(&limits, amounts).await.unwrap_err() else { panic!("it fits") };
        assert_eq!((reached.meter, &reached.scope), (meter, &team()), "{}", backend.name);
        assert!(reached.retry_after > Duration::ZERO);
        assert_eq!(levels().await, [1, 600, 50, 1], "{}", backend.name);
    }
    let second = backend.take(&limits, tokens(400, 40)).await.unwrap();
    assert_eq!(levels().await, [2, 1_000, 90, 2], "{}", backend.name);
    backend.undo(second);
    assert_eq!(levels().await, [1, 600, 50, 1], "{}", backend.name);
    backend.undo(first);
    assert_eq!(levels().await, [0; 4], "{}", backend.name);
}

async fn settlements(backend: &Backend<'_>) {
    let day = |limit: Limit| Limit { period: Some(LimitPeriod::Day), ..limit };
    for limit in [limit(1, Meter::Tokens, 1_000), day(with_burst(1, Meter::Tokens, 1_000, 1_000))] {
        let limits = [limit];
        let taken = backend.take(&limits, tokens(500, 400)).await.unwrap();
        assert!(backend.take(&limits, tokens(101, 0)).await.is_err());
        backend.settle(taken, tokens(100, 100));
        assert_eq!(backend.used(&limits[0]).await, 200, "{}", backend.name);
        let taken = backend.take(&limits, tokens(0, 800)).await.unwrap();
        backend.settle(taken, tokens(0, 1_300));
        assert_eq!(backend.used(&limits[0]).await, 1_500, "{}", backend.name);
        assert!(backend.take(&limits, tokens(0, 0)).await.is_err());
        assert!(backend.take(&limits, tokens(1, 0)).await.is_err());
    }
    // What is owed is at most one period.
    let endless = [day(with_burst(2, Meter::Tokens, 1_000, 500))];
    let taken = backend.take(&endless, tokens(1, 0)).await.unwrap();
    backend.settle(taken, tokens(1_000_000, 0));
    assert_eq!(backend.used(&endless[0]).await, 1_500, "{}", backend.name);
}

async fn places(backend: &Backend<'_>) {
    let limits = [limit(1, Meter::Concurrency, 8), limit(2, Meter::Tokens, 1_000_000_000)];
    let (mut chance, mut open, mut fullest) = (Chance(3), Vec::new(), 0);
    for _ in 0..3_000 {
        if chance.below(2) == 0 {
            let taken = backend.take(&limits, tokens(chance.below(50), 10)).await;
            assert_eq!(taken.is_ok(), open.len() < 8, "{}", backend.name);
            open.extend(taken);
        } else if !open.is_empty() {
            let taken: Taken = open.swap_remove(usize::try_from(chance.below(open.len() as u64)).unwrap());
            match chance.below(3) {
                0 => backend.undo(taken),
                1 => backend.settle(taken, tokens(0, 0)),
                _ => backend.settle(taken, tokens(100, 100)),
            }
        }
        fullest = fullest.max(open.len());
    }
    assert_eq!(fullest, 8, "{}", backend.name);
    assert_eq!(backend.used(&limits[0]).await, open.len() as u64, "{}", backend.name);
    for taken in open {
        backend.undo(taken);
    }
    assert_eq!(backend.used(&limits[0]).await, 0, "{}", backend.name);
}

/// The counters see a call between its question and its answer: calls whose answers came before that time was over are
/// within one second for sure.
async fn any_second(backend: &Backend<'_>) {
    let second = |limit: Limit| Limit { period: Some(LimitPeriod::Second), ..limit };
    for (limit, bound) in
        [(second(limit(1, Meter::Tokens, 40)), 40), (second(with_burst(2, Meter::Tokens, 40, 10)), 50)]
    {
        let (limits, mut chance, mut passed) = ([limit], Chance(9), Vec::new());
        let start = Instant::now();
        while start.elapsed() < Duration::from_millis(1_700) {
            let amount = 1 + chance.below(5);
            let asked = Instant::now();
            if backend.take(&limits, tokens(amount, 0)).await.is_ok() {
                passed.push((asked, Instant::now(), amount));
            }
            tokio::time::sleep(Duration::from_millis(chance.below(12))).await;
        }
        let mut fullest = 0;
        for (index, (asked, ..)) in passed.iter().enumerate() {
            let end = *asked + Duration::from_secs(1);
            let within = passed[index..].iter().take_while(|(_, answered, _)| *answered < end);
            fullest = fullest.max(within.map(|(.., amount)| *amount).sum());
        }
        assert!(fullest <= bound, "{}: {fullest} of {bound}", backend.name);
        assert!(fullest > bound * 7 / 10, "{}: {fullest} of {bound}", backend.name);
    }
}

async fn extremes(backend: &Backend<'_>) {
    for (number, meter) in (1_u128..).step_by(8).zip(Meter::ALL) {
        for limit in [limit(number, meter, 0), with_burst(number + 1, meter, 0, 5)] {
            let refusal = backend.take(&[limit], tokens(0, 0)).await.unwrap_err();
            assert!(matches!(refusal, Refusal::Exceeds(_)), "{}: {refusal:?}", backend.name);
        }
        for one in [limit(number + 2, meter, 1), with_burst(number + 3, meter, 1, 1)] {
            let amounts = if meter == Meter::OutputTokens { tokens(0, 1) } else { tokens(1, 0) };
            let limits = [one];
            let _taken = backend.take(&limits, amounts).await.unwrap();
            assert!(backend.take(&limits, amounts).await.is_err(), "{}", backend.name);
        }
        for most in [limit(number + 4, meter, u64::MAX), with_burst(number + 5, meter, u64::MAX, u64::MAX)] {
            for _ in 0..3 {
                let Ok(taken) = backend.take(std::slice::from_ref(&most), tokens(u64::MAX, u64::MAX)).await else {
                    continue;
                };
                backend.settle(taken, tokens(u64::MAX, u64::MAX));
            }
            for _ in 0..3 {
                if let Ok(taken) = backend.take(std::slice::from_ref(&most), tokens(1, 1)).await {
                    backend.settle(taken, tokens(u64::MAX, 0));
                }
            }
        }
    }
}

async fn never(backend: &Backend<'_>) {
    for limits in [[limit(1, Meter::Tokens, 1_000)], [with_burst(2, Meter::Tokens, 6_000, 1_000)]] {
        assert!(matches!(backend.take(&limits, tokens(600, 401)).await.unwrap_err(), Refusal::Exceeds(_)));
        assert_eq!(backend.used(&limits[0]).await, 0);
        let _taken = backend.take(&limits, tokens(600, 400)).await.unwrap();
        assert!(matches!(backend.take(&limits, tokens(600, 401)).await.unwrap_err(), Refusal::Exceeds(_)));
        assert!(matches!(backend.take(&limits, tokens(900, 0)).await.unwrap_err(), Refusal::Reached(_)));
    }
}

async fn observing(backend: &Backend<'_>) {
    let observe = |limit: Limit| Limit { mode: Mode::Observe, ..limit };
    let limits =
        [observe(limit(1, Meter::Requests, 10)), limit(2, Meter::Tokens, 1_000), observe(limit(3, Meter::Tokens, 1))];
    let mut open = Vec::new();
    for _ in 0..25 {
        open.push(backend.take(&limits, tokens(2, 0)).await.unwrap());
    }
    let would_refuse = |number: u128| {
        open.iter().filter(|taken| taken.would_refuse().any(|ask| ask.limit.id.bits() == number)).count()
    };
    assert_eq!([1, 2, 3].map(would_refuse), [15, 0, 25], "{}", backend.name);
    assert_eq!(backend.used(&limits[0]).await, 10, "{}", backend.name);
    for taken in open {
        backend.undo(taken);
    }
    for limit in &limits {
        assert_eq!(backend.used(limit).await, 0, "{}", backend.name);
    }
}

async fn room(backend: &Backend<'_>) {
    let second = |limit: Limit| Limit { period: Some(LimitPeriod::Second), ..limit };
    for limit in [second(limit(1, Meter::Tokens, 20)), second(with_burst(2, Meter::Tokens, 20, 15))] {
        let limits = [limit];
        let taken = backend.take(&limits, tokens(13, 0)).await.unwrap();
        let tightest = taken.tightest().unwrap();
        assert!((2..=7).contains(&tightest.remaining) && !tightest.reset.is_zero(), "{}: {tightest:?}", backend.name);
        let asked = Instant::now();
        let Err(Refusal::Reached(reached)) = backend.take(&limits, tokens(14, 0)).await else { panic!("no room") };
        assert!(reached.retry_after <= Duration::from_millis(1_050), "{}: {reached:?}", backend.name);
        tokio::time::sleep_until((asked + reached.retry_after + Duration::from_millis(3)).into()).await;
        assert!(backend.take(&limits, tokens(14, 0)).await.is_ok(), "{}", backend.name);
    }
}

async fn apart(backend: &Backend<'_>) {
    let one = limit(1, Meter::Requests, 1);
    let hourly = Limit { period: Some(LimitPeriod::Hour), ..one.clone() };
    let other = limit(2, Meter::Requests, 1);
    for limit in [one.clone(), hourly, other] {
        let _taken = backend.take(&[limit], tokens(0, 0)).await.unwrap();
    }
    assert!(backend.take(&[one], tokens(0, 0)).await.is_err(), "{}", backend.name);
}
