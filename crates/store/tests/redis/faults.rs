//! The server dies, stands still, is slow, forgets, or is full.

use std::sync::Arc;
use std::time::{Duration, Instant};

use keyward_domain::limit::{Limit, LimitPeriod, Meter, OnLoss};
use keyward_domain::port::{Answer, Counters as _, Refusal, Taken};
use keyward_store::redis::{Health, Options, Why};
use tokio::task::JoinSet;

use super::node::{Chance, Node, asks, call, limit, patient, strict, tokens, with_burst};
use super::proxy::Proxy;
use super::server::{Server, free_port};

/// Questions that are given up while they are on their way.
const CANCELLED: u64 = 10_000;

/// An answer that did not have to be waited for.
fn at_once(node: &Node, limits: &[Limit]) -> Result<Taken, Refusal> {
    match node.counters.take(asks(limits, tokens(1, 0)), call(1), node.now()) {
        Answer::Ready(Some(answer)) => answer,
        other => panic!("somebody waits: {other:?}"),
    }
}

fn why(node: &Node) -> Why {
    match node.counters.health() {
        Health::Degraded { why, .. } => why,
        Health::Healthy => panic!("it is well"),
    }
}

#[tokio::test]
async fn f27_a_server_that_is_down_at_the_start_is_no_error() {
    let mut server = Server::start();
    server.kill();
    let node = Node::begin(strict(&server.url()), 1);
    let limits = [limit(1, Meter::Requests, 60)];
    assert!(at_once(&node, &limits).is_ok(), "this node's share");
    assert!(at_once(&node, &limits).is_err(), "begins without a burst");
    node.until("refused", || matches!(why(&node), Why::Unreachable(_))).await;
    server.restart();
    node.until_healthy().await;
    node.until("asked", || node.counters.counted().timeouts < 5).await;
}

#[tokio::test]
async fn f28_a_server_that_is_killed_under_load_delays_nobody_for_long() {
    let mut server = Server::start();
    let node = Arc::new(Node::begin(strict(&server.url()), 1));
    node.until_healthy().await;
    let limits = Arc::new([limit(1, Meter::Requests, 1_000)]);
    let mut load = JoinSet::new();
    for _ in 0..20 {
        let (node, limits) = (Arc::clone(&node), Arc::clone(&limits));
        load.spawn(async move {
            let mut passed = 0_u64;
            for _ in 0..300 {
                passed += u64::from(node.take(&*limits, tokens(0, 0)).await.is_ok());
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            passed
        });
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    server.kill();
    node.until_degraded().await;
    let before = node.counters.counted();
    let _ = at_once(&node, &*limits);
    let passed: u64 = load.join_all().await.into_iter().sum();
    let after = node.counters.counted();
    assert_eq!((after.timeouts, after.failures), (before.timeouts, before.failures), "nobody waits any more");
    assert!(after.local > before.local);
    // A thousand a minute, of which at most two seconds flowed off meanwhile.
    assert!(passed <= 1_000 + 40, "{passed}");
}

#[tokio::test]
async fn f29_a_slow_server_is_as_good_as_none_and_is_taken_up_when_it_is_well() {
    let server = Server::start();
    let proxy = Proxy::to(server.port()).await;
    let node = Node::begin(strict(&proxy.url()), 1);
    let limits = [limit(1, Meter::Requests, 1_000_000)];
    node.until_healthy().await;
    proxy.slow();
    for _ in 0..40 {
        let _ = node.take(&limits, tokens(0, 0)).await;
    }
    node.until_degraded().await;
    assert_eq!(why(&node), Why::Slow);
    let _ = at_once(&node, &limits);
    // As long as it is slow it is not asked.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let _ = at_once(&node, &limits);
    proxy.well();
    node.until_healthy().await;
    let passed = node.take(&limits, tokens(0, 0)).await.unwrap();
    node.counters.undo(passed, node.now());
    // What was counted there when nobody waited any more was taken back: only calls that passed are counted.
    node.until("taken back", || node.counters.counted().taken_back > 0).await;
}

#[tokio::test]
async fn f30_after_a_flush_under_load_the_node_holds_back_for_one_period() {
    let server = Server::start();
    let node = Node::at(&server.url()).await;
    let limits = [limit(1, Meter::Requests, 100), limit(2, Meter::Concurrency, 200)];
    let (mut passed, mut open) = (0, Vec::new());
    for step in 0..1_000 {
        if step == 70 {
            server.command(&["FLUSHALL"]);
        }
        if let Ok(taken) = node.take(&limits, tokens(0, 0)).await {
            passed += 1;
            open.push(taken);
        }
    }
    assert!((70..=101).contains(&passed), "{passed}");
    assert_eq!(node.counters.counted().flushes, 1);
    // Calls in flight said again that they are there.
    node.until("kept", || server.command(&["KEYS", "*:p:*"]).contains(":p:")).await;
    assert_eq!(node.level(&limits[1]).await.used, open.len() as u64);
    for taken in open {
        node.counters.settle(taken, tokens(0, 0), node.now());
    }
    assert_eq!(node.level(&limits[1]).await.used, 0);
}

#[tokio::test]
async fn f30_the_period_after_a_flush_ends() {
    let server = Server::start();
    let node = Node::at(&server.url()).await;
    let limits = [Limit { period: Some(LimitPeriod::Second), ..limit(1, Meter::Requests, 10) }];
    let pass = async || {
        let mut passed = 0;
        for _ in 0..50 {
            passed += u64::from(node.take(&limits, tokens(0, 0)).await.is_ok());
        }
        passed
    };
    assert_eq!(pass().await, 10);
    server.command(&["FLUSHALL"]);
    assert!(pass().await <= 1);
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert_eq!(pass().await, 10);
}

#[tokio::test]
async fn f31_a_failover_that_loses_writes_lets_no_more_pass_than_was_lost() {
    let server = Server::start();
    let node = Node::at(&server.url()).await;
    let limits = [limit(1, Meter::Requests, 100)];
    let mut passed = 0;
    let mut pass = async |calls: u32| {
        for _ in 0..calls {
            passed += u64::from(node.take(&limits, tokens(0, 0)).await.is_ok());
        }
        passed
    };
    pass(50).await;
    let key = server.command(&["KEYS", "*:w:*"]);
    // The replica that takes over has not heard of the last twenty.
    server.command(&["COPY", &key, "replica"]);
    pass(20).await;
    server.command(&["COPY", "replica", &key, "REPLACE"]);
    assert_eq!(pass(200).await, 120);
}

#[tokio::test]
async fn f33_what_nobody_can_have_written_blocks_nobody_for_ever() {
    let server = Server::start();
    let node = Node::at(&server.url()).await;
    let kinds = [limit(1, Meter::Requests, 3), with_burst(2, Meter::Requests, 1, 3), limit(3, Meter::Concurrency, 3)];
    let spoiled: [&[&[&str]]; 3] = [
        &[
            &["SET", "KEY", "garbage"],
            &["HSET", "KEY", "x", "1"],
            &["HSET", "KEY", "99999999999", "9"],
            &["HSET", "KEY", "1", "nan"],
        ],
        &[
            &["SET", "KEY", "garbage"],
            &["RPUSH", "KEY", "x"],
            &["SET", "KEY", "9007199254740000"],
            &["SET", "KEY", "inf"],
        ],
        &[&["SET", "KEY", "garbage"], &["ZADD", "KEY", "99999999999999", "a", "99999999999999", "b", "inf", "c"]],
    ];
    let mut resets = 0;
    for (limit, spoiled) in kinds.into_iter().zip(spoiled) {
        let limits = [limit];
        drop(node.take(&limits, tokens(0, 0)).await.unwrap());
        let pattern = format!("*{}*", limits[0].id);
        let key = server.command(&["KEYS", &pattern]);
        for command in spoiled {
            server.command(&["DEL", &key]);
            server.command(&command.iter().map(|word| if *word == "KEY" { &key } else { *word }).collect::<Vec<_>>());
            for _ in 0..3 {
                drop(node.take(&limits, tokens(0, 0)).await.unwrap_or_else(|no| panic!("{command:?}: {no:?}")));
            }
            assert!(node.take(&limits, tokens(0, 0)).await.is_err(), "{command:?}: counted again");
            if command[0] != "ZADD" {
                resets += 1;
                assert_eq!(node.counters.counted().resets, resets, "{command:?}");
            }
        }
    }
    assert_eq!(node.counters.health(), Health::Healthy);
}

#[tokio::test]
async fn f33_a_settlement_survives_what_nobody_can_have_written() {
    let server = Server::start();
    let node = Node::at(&server.url()).await;
    let limits = [limit(1, Meter::Tokens, 1_000), with_burst(2, Meter::Tokens, 1_000, 1_000)];
    for limit in &limits {
        let one = std::slice::from_ref(limit);
        let pattern = format!("*{}*", limit.id);
        for used in [tokens(0, 0), tokens(700, 0)] {
            let taken = node.take(one, tokens(500, 0)).await.unwrap();
            let key = server.command(&["KEYS", &pattern]);
            server.command(&["DEL", &key]);
            server.command(&["RPUSH", &key, "x"]);
            node.counters.settle(taken, used, node.now());
            assert!(node.level(limit).await.used <= 200);
            server.command(&["DEL", &key]);
        }
    }
    assert_eq!(node.counters.counted().failures, 0);
}

#[tokio::test]
async fn f34_a_full_server_is_as_good_as_none() {
    let server = Server::start();
    let node = Node::begin(patient(&server.url()), 1);
    node.until_healthy().await;
    let limits = [limit(1, Meter::Requests, 1_000_000)];
    server.command(&["CONFIG", "SET", "maxmemory", "1"]);
    for _ in 0..10 {
        let _ = node.take(&limits, tokens(0, 0)).await;
    }
    assert!(matches!(why(&node), Why::Refused(text) if text.contains("OOM")));
    assert_eq!(node.counters.counted().failures, 5);
    let _ = at_once(&node, &limits);
}

#[tokio::test]
async fn f34_a_full_server_that_has_room_again_is_taken_up() {
    let server = Server::start_with(&["--maxmemory", "1"]);
    let node = Node::begin(strict(&server.url()), 1);
    node.until("refused", || matches!(why(&node), Why::Refused(text) if text.contains("OOM"))).await;
    server.command(&["CONFIG", "SET", "maxmemory", "0"]);
    node.until_healthy().await;
}

#[tokio::test]
async fn f34_evicted_counters_are_noticed_like_a_flush() {
    let server = Server::start();
    let node = Node::at(&server.url()).await;
    let limits = [limit(1, Meter::Requests, 100)];
    for _ in 0..100 {
        drop(node.take(&limits, tokens(0, 0)).await.unwrap());
    }
    for key in server.command(&["KEYS", "kw:{*"]).split(' ') {
        server.command(&["DEL", key]);
    }
    assert!(node.take(&limits, tokens(0, 0)).await.is_err());
    assert_eq!(node.counters.counted().flushes, 1);
}

#[tokio::test]
async fn f35_a_network_that_drops_everything_holds_up_few() {
    let server = Server::start();
    let proxy = Proxy::to(server.port()).await;
    let node = Node::begin(strict(&proxy.url()), 1);
    let limits = [limit(1, Meter::Requests, 1_000_000)];
    node.until_healthy().await;
    proxy.silent();
    for _ in 0..200 {
        let _ = node.take(&limits, tokens(0, 0)).await;
    }
    assert_eq!(why(&node), Why::Slow);
    assert!(node.counters.counted().timeouts <= 5 + 1, "{:?}", node.counters.counted());
    proxy.well();
    node.until_healthy().await;
}

#[tokio::test]
async fn f36_ten_thousand_cancelled_calls_leave_nothing_and_mix_nothing_up() {
    let server = Server::start();
    let node = Arc::new(Node::at(&server.url()).await);
    let mut tasks = JoinSet::new();
    for seed in 0..20_u64 {
        let node = Arc::clone(&node);
        tasks.spawn(async move {
            // Each asks for an amount of its own of a limit of its own: the level in its answer says whose it is.
            let amount = seed + 1;
            let limits = [limit(u128::from(seed), Meter::Tokens, u64::MAX), limit(999, Meter::Concurrency, 1_000)];
            let (mut chance, mut kept, mut cancelled) = (Chance(seed), 0, 0);
            while cancelled < CANCELLED / 20 {
                let mut answer = node.counters.take(asks(&limits, tokens(amount, 0)), call(1), node.now());
                // How far it comes until then is how often others had their turn.
                let turns = chance.below(8);
                let patience = async {
                    for _ in 0..turns {
                        tokio::task::yield_now().await;
                    }
                };
                tokio::select! {
                    // Asked first: what is given up is a question that is on its way.
                    biased;
                    taken = &mut answer => {
                        let taken = taken.unwrap();
                        let used = taken.parts[0].level.used;
                        assert!(used % amount == 0 && taken.parts[0].ask.scope == super::node::team(), "{used} {amount}");
                        kept += amount;
                        node.counters.settle(taken, tokens(amount, 0), node.now());
                    }
                    () = patience, if chance.below(2) == 0 => {
                        cancelled += 1;
                        drop(answer);
                    }
                }
            }
            (limits[0].clone(), kept)
        });
    }
    let kept = tasks.join_all().await;
    let places = limit(999, Meter::Concurrency, 1_000);
    let deadline = Instant::now() + Duration::from_secs(20);
    while node.level(&places).await.used > 0 {
        assert!(Instant::now() < deadline, "places are left");
    }
    for (limit, kept) in kept {
        assert_eq!(node.level(&limit).await.used, kept, "exactly what was kept is counted");
    }
    let counted = node.counters.counted();
    assert!(counted.taken_back > 0 && counted.local == 0 && counted.lost_settlements == 0, "{counted:?}");
    let clients = server.command(&["INFO", "clients"]);
    assert!(clients.contains("connected_clients:2\r\n"), "the node's one and this question's: {clients}");
}

#[tokio::test]
async fn a_settlement_whose_answer_was_lost_is_sent_again_and_counts_once() {
    let server = Server::start();
    let proxy = Proxy::to(server.port()).await;
    let node = Node::begin(strict(&proxy.url()), 1);
    node.until_healthy().await;
    let limits = [limit(1, Meter::Tokens, 10_000)];
    let witness = Node::at(&server.url()).await;
    let _other = witness.take(&limits, tokens(1_000, 0)).await.unwrap();
    let mut open = Vec::new();
    while open.len() < 3 {
        open.extend(
            node.take(&limits, tokens(500, 0))
                .await
                .ok()
                .filter(|taken| matches!(taken.parts[0].mark, keyward_domain::port::Mark::Shared { .. })),
        );
    }
    proxy.answerless();
    for taken in open {
        node.counters.settle(taken, tokens(700, 0), node.now());
    }
    node.until_degraded().await;
    // The server did it; nobody heard. The connection is given up and made again, and all is sent once more.
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    proxy.well();
    node.until_healthy().await;
    let sent = server.command(&["INFO", "commandstats"]).contains("cmdstat_evalsha");
    assert!(sent);
    // Settlements go before the next question.
    let _ = node.level(&limits[0]).await;
    assert_eq!(witness.level(&limits[0]).await.used, 1_000 + 3 * 700);
    assert_eq!(node.counters.counted().lost_settlements, 0);
}

#[tokio::test]
async fn l04_a_frozen_server_holds_up_few_calls_and_is_noticed_and_forgotten_by_itself() {
    let server = Server::start();
    let node = Arc::new(Node::begin(strict(&server.url()), 1));
    node.until_healthy().await;
    let limits = Arc::new([limit(1, Meter::Requests, 1_000_000)]);
    let mut load = JoinSet::new();
    for _ in 0..10 {
        let (node, limits) = (Arc::clone(&node), Arc::clone(&limits));
        load.spawn(async move {
            for _ in 0..200 {
                drop(node.take(&*limits, tokens(0, 0)).await);
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        });
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    let before = node.counters.counted();
    server.freeze();
    let frozen = Instant::now();
    node.until_degraded().await;
    assert!(frozen.elapsed() < Duration::from_secs(1));
    load.join_all().await;
    let counted = node.counters.counted();
    // Ten at a time: those that were waiting; nobody after them.
    assert!(counted.timeouts - before.timeouts <= 10, "{counted:?}");
    let _ = at_once(&node, &*limits);
    server.thaw();
    node.until_healthy().await;
    assert_eq!(node.counters.counted().degraded, before.degraded + 1, "told once");
    drop(node.take(&*limits, tokens(0, 0)).await);
}

#[tokio::test]
async fn l04_a_frozen_server_is_noticed_within_a_second_when_nobody_calls() {
    let server = Server::start();
    let node = Node::begin(strict(&server.url()), 1);
    node.until_healthy().await;
    server.freeze();
    let frozen = Instant::now();
    node.until_degraded().await;
    assert!(frozen.elapsed() < Duration::from_secs(1), "{:?}", frozen.elapsed());
    assert_eq!(why(&node), Why::Slow);
    tokio::time::sleep(Duration::from_secs(2)).await;
    server.thaw();
    node.until_healthy().await;
}

#[tokio::test]
async fn l04_without_the_server_each_limit_does_what_it_declares() {
    let options = Options { nodes: 4, ..strict(&format!("redis://127.0.0.1:{}", free_port())) };
    let node = Node::begin(options, 1);
    let on_loss = |number, on_loss| Limit { on_loss, ..limit(number, Meter::Requests, 8) };
    let places = Limit { on_loss: OnLoss::LocalShare, ..limit(4, Meter::Concurrency, 8) };

    let Refusal::Away(closed) = at_once(&node, &[on_loss(1, OnLoss::Closed)]).unwrap_err() else {
        panic!("it was not reached")
    };
    assert_eq!((closed.quota, closed.retry_after), (8, Duration::from_secs(1)));
    for _ in 0..50 {
        let taken = at_once(&node, &[on_loss(2, OnLoss::Open)]).unwrap();
        node.counters.settle(taken, tokens(9, 9), node.now());
    }
    let _taken = at_once(&node, &[on_loss(3, OnLoss::LocalShare)]).unwrap();
    let Refusal::Reached(share) = at_once(&node, &[on_loss(3, OnLoss::LocalShare)]).unwrap_err() else {
        panic!("no 400")
    };
    // Two a minute are this node's share; people know the limit.
    assert_eq!(share.quota, 8);
    assert!((29_000..=30_000).contains(&share.retry_after.as_millis()), "{share:?}");

    let open: Vec<_> = (0..4).filter_map(|_| at_once(&node, std::slice::from_ref(&places)).ok()).collect();
    assert_eq!(open.len(), 2);
    for taken in open {
        node.counters.undo(taken, node.now());
    }
    assert!(at_once(&node, std::slice::from_ref(&places)).is_ok());
    node.counters.set_nodes(1);
    assert_eq!((0..9).filter(|_| at_once(&node, std::slice::from_ref(&places)).is_ok()).count(), 7);
    // A closed limit refuses for all; nothing of the call is counted.
    assert!(at_once(&node, &[on_loss(5, OnLoss::LocalShare), on_loss(6, OnLoss::Closed)]).is_err());
    assert!(at_once(&node, &[on_loss(5, OnLoss::LocalShare)]).is_ok());
}

#[tokio::test]
async fn l04_places_held_at_the_server_count_when_it_is_away() {
    let mut server = Server::start();
    let node = Node::begin(strict(&server.url()), 1);
    node.until_healthy().await;
    let places = [limit(1, Meter::Concurrency, 3)];
    let (first, second) =
        (node.take(&places, tokens(0, 0)).await.unwrap(), node.take(&places, tokens(0, 0)).await.unwrap());
    server.kill();
    node.until_degraded().await;
    let third = at_once(&node, &places).unwrap();
    assert!(at_once(&node, &places).is_err(), "two there, one here");
    node.counters.undo(first, node.now());
    let fourth = at_once(&node, &places).unwrap();
    for taken in [second, third, fourth] {
        node.counters.undo(taken, node.now());
    }
    server.restart();
    node.until_healthy().await;
    assert_eq!(node.level(&places[0]).await.used, 0);
}

#[tokio::test]
async fn l03_places_taken_while_the_server_was_away_count_when_it_is_back() {
    let mut server = Server::start();
    let (node, other) = (Node::begin(strict(&server.url()), 1), Node::begin(strict(&server.url()), 2));
    node.until_healthy().await;
    let places = [limit(1, Meter::Concurrency, 3), limit(2, Meter::Requests, 1_000)];
    let there = node.take(&places, tokens(0, 0)).await.unwrap();
    server.kill();
    node.until_degraded().await;
    let here = at_once(&node, &places[..1]).unwrap();
    server.restart();
    node.until_healthy().await;
    other.until_healthy().await;
    assert_eq!(other.level(&places[0]).await.used, 2, "both are told to a server that knew of none");
    node.counters.settle(here, tokens(0, 0), node.now());
    node.counters.settle(there, tokens(0, 0), node.now());
    assert_eq!(node.level(&places[0]).await.used, 0);

    // A place that its call did not get is free again.
    server.kill();
    node.until_degraded().await;
    let closed = [limit(3, Meter::Concurrency, 1), limit(4, Meter::Requests, 1)];
    let first = at_once(&node, &closed).unwrap();
    node.counters.settle(first, tokens(0, 0), node.now());
    assert!(at_once(&node, &closed).is_err(), "the share of calls is used up");
    assert!(at_once(&node, &closed[..1]).is_ok());
}

#[tokio::test]
async fn nodes_come_back_one_after_the_other() {
    let mut server = Server::start();
    let options = || Options { re_entry: Duration::from_secs(2), ..strict(&server.url()) };
    let nodes: Vec<_> = (1..=8).map(|seed| Node::begin(options(), seed)).collect();
    for node in &nodes {
        node.until_healthy().await;
    }
    server.kill();
    for node in &nodes {
        node.until_degraded().await;
    }
    server.restart();
    let (mut back, start) = (Vec::new(), Instant::now());
    while back.len() < nodes.len() {
        assert!(start.elapsed() < Duration::from_secs(20));
        let healthy = nodes.iter().filter(|node| node.counters.health() == Health::Healthy).count();
        back.resize(healthy.max(back.len()), start.elapsed());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let spread = back[7].saturating_sub(back[0]);
    assert!(spread > Duration::from_millis(300), "{back:?}");
}
