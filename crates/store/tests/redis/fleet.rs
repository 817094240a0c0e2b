//! Several nodes at one server.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

use keyward_domain::limit::Meter;
use keyward_domain::port::{Clock as _, Counters as _};
use keyward_store::redis::{Health, Options};
use tokio::task::JoinSet;

use super::node::{Chance, Node, asks, call, limit, patient, tokens, with_burst};
use super::server::Server;

/// Three nodes that have reached the server.
async fn three(options: impl Fn() -> Options) -> Vec<Arc<Node>> {
    let mut nodes = Vec::new();
    for seed in 1..=3 {
        let node = Arc::new(Node::begin(Options { nodes: 3, ..options() }, seed));
        node.until_healthy().await;
        nodes.push(node);
    }
    nodes
}

#[tokio::test]
async fn l01_three_nodes_together_let_exactly_the_quota_pass() {
    let server = Server::start();
    let nodes = three(|| patient(&server.url())).await;
    let limits = Arc::new([limit(1, Meter::Requests, 100)]);
    let mut tasks = JoinSet::new();
    for index in 0..1_000 {
        let (node, limits) = (Arc::clone(&nodes[index % 3]), Arc::clone(&limits));
        tasks.spawn(async move { node.take(&*limits, tokens(0, 0)).await.is_ok() });
    }
    assert_eq!(tasks.join_all().await.into_iter().filter(|passed| *passed).count(), 100);

    // All load at one node: nothing is kept back for the others.
    let limits = [limit(2, Meter::Requests, 100)];
    let mut passed = 0;
    for _ in 0..300 {
        passed += u64::from(nodes[0].take(&limits, tokens(0, 0)).await.is_ok());
    }
    assert_eq!(passed, 100);
}

#[tokio::test]
async fn l01_a_call_with_four_limits_is_let_in_after_one_round_trip_and_its_settlement_is_not_waited_for() {
    let server = Server::start();
    let node = Node::at(&server.url()).await;
    let limits = [
        limit(1, Meter::Requests, 100),
        limit(2, Meter::Tokens, 1_000),
        with_burst(3, Meter::OutputTokens, 1_000, 1_000),
        limit(4, Meter::InputTokens, 1_000),
    ];
    assert_eq!(server.command(&["CONFIG", "RESETSTAT"]), "OK");
    for call in 1..=20 {
        let taken = node.take(&limits, tokens(10, 10)).await.unwrap();
        assert_eq!(taken.parts.len(), 4);
        assert_eq!((server.executed("evalsha"), server.executed("eval")), (2 * call - 1, 0), "one question a call");
        // A server that stands still: whoever waited for it would stand still as well.
        server.freeze();
        node.counters.settle(taken, tokens(5, 5), node.now());
        server.thaw();
        node.until("settled", || server.executed("evalsha") == 2 * call).await;
    }
    assert_eq!(node.level(&limits[1]).await.used, 20 * 10);
}

/// Event loops ask, another thread has the connections; all that was settled is sent before it ends.
#[test]
fn connections_may_run_on_a_thread_of_their_own() {
    let server = Server::start();
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (counters, clock, driver) = Node::parts(patient(&server.url()), 1);
    let connections = std::thread::spawn(move || runtime().block_on(driver.run()));
    let limits = [limit(1, Meter::Tokens, 1_000)];
    let loops: Vec<_> = (0..3)
        .map(|_| {
            let (counters, clock, limits) = (counters.clone(), Arc::clone(&clock), limits.clone());
            std::thread::spawn(move || {
                runtime().block_on(async {
                    while counters.health() != Health::Healthy {
                        tokio::time::sleep(Duration::from_millis(5)).await;
                    }
                    let mut passed = 0;
                    for _ in 0..40 {
                        let asked = counters.take(asks(&limits, tokens(20, 0)), call(1), clock.monotonic()).await;
                        if let Ok(taken) = asked {
                            passed += 1;
                            counters.settle(taken, tokens(10, 0), clock.monotonic());
                        }
                    }
                    passed
                })
            })
        })
        .collect();
    let passed: u64 = loops.into_iter().map(|event_loop| event_loop.join().unwrap()).sum();
    drop(counters);
    connections.join().unwrap();
    assert!(passed >= 98, "{passed}");
    let key = server.command(&["KEYS", "*:w:*"]);
    let used: u64 = server.command(&["HVALS", &key]).split(' ').map(|held| held.parse::<u64>().unwrap()).sum();
    assert_eq!(used, passed * 10);
}

#[tokio::test]
async fn l01_three_nodes_stay_below_when_one_dies() {
    let server = Server::start();
    let mut nodes = three(|| patient(&server.url())).await;
    let limits = [limit(1, Meter::Requests, 100)];
    let mut passed = 0;
    for step in 0..600 {
        if step == 90 {
            nodes.pop();
        }
        let node = &nodes[step % nodes.len()];
        passed += u64::from(node.take(&limits, tokens(0, 0)).await.is_ok());
    }
    assert_eq!(passed, 100);
}

#[tokio::test]
async fn l01_three_nodes_stay_below_when_the_server_dies_under_load() {
    let mut server = Server::start();
    let nodes = three(|| patient(&server.url())).await;
    // A minute of a hundred, of which the test sees a few seconds: what flows off meanwhile is a handful.
    let limits = [limit(1, Meter::Requests, 100)];
    let (start, mut passed, mut step) = (Instant::now(), 0, 0);
    while start.elapsed() < Duration::from_secs(4) {
        step += 1;
        if step == 60 {
            server.kill();
        }
        passed += u64::from(nodes[step % 3].take(&limits, tokens(0, 0)).await.is_ok());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!((59..=100).contains(&passed), "{passed}");
    for node in &nodes {
        assert!(node.counters.counted().local > 100 && node.counters.counted().degraded == 1);
    }
}

#[tokio::test]
async fn l03_three_nodes_never_hold_more_places_than_there_are() {
    let server = Server::start();
    let nodes = three(|| patient(&server.url())).await;
    let limits = Arc::new([limit(1, Meter::Concurrency, 8)]);
    let (in_flight, fullest) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let mut tasks = JoinSet::new();
    for seed in 0..30 {
        let (node, limits) = (Arc::clone(&nodes[seed % 3]), Arc::clone(&limits));
        let (in_flight, fullest) = (Arc::clone(&in_flight), Arc::clone(&fullest));
        tasks.spawn(async move {
            let mut chance = Chance(seed as u64);
            for _ in 0..100 {
                let Ok(taken) = node.take(&*limits, tokens(0, 0)).await else { continue };
                fullest.fetch_max(in_flight.fetch_add(1, SeqCst) + 1, SeqCst);
                tokio::time::sleep(Duration::from_millis(chance.below(4))).await;
                in_flight.fetch_sub(1, SeqCst);
                node.counters.undo(taken, node.now());
            }
        });
    }
    tasks.join_all().await;
    assert_eq!(fullest.load(SeqCst), 8, "reached, never above");
    for node in &nodes {
        assert_eq!(node.level(&limits[0]).await.used, 0);
    }
}

#[tokio::test]
async fn l03_places_of_a_dead_node_get_free() {
    let server = Server::start();
    let nodes = three(|| patient(&server.url())).await;
    let limits = [limit(1, Meter::Concurrency, 2)];
    let _dead = nodes[0].take(&limits, tokens(0, 0)).await.unwrap();
    let alive = nodes[1].take(&limits, tokens(0, 0)).await.unwrap();
    let key = server.command(&["KEYS", "*:p:*"]);
    assert!(nodes[2].take(&limits, tokens(0, 0)).await.is_err());
    // A minute later: what was not kept alive has run out. (The clock is the server's, so the places are aged instead.)
    let dead = server.command(&["ZRANGE", &key, "0", "0"]);
    let till: u64 = server.command(&["ZSCORE", &key, &dead]).parse().unwrap();
    let kept = till - now_at(&server);
    assert!((50_000..=60_000).contains(&kept), "{kept}");
    server.command(&["ZADD", &key, "XX", &(till - 60_001).to_string(), &dead]);
    let _taken = nodes[2].take(&limits, tokens(0, 0)).await.unwrap();
    assert!(nodes[2].take(&limits, tokens(0, 0)).await.is_err());
    nodes[1].counters.undo(alive, nodes[1].now());
    assert_eq!(nodes[1].level(&limits[0]).await.used, 1);
}

fn now_at(server: &Server) -> u64 {
    let time = server.command(&["TIME"]);
    let (seconds, micros) = time.split_once(' ').unwrap();
    seconds.parse::<u64>().unwrap() * 1_000 + micros.parse::<u64>().unwrap() / 1_000
}
