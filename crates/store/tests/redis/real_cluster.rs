//! Clusters of real servers: parts that move, parts that nobody has, servers that die.

use std::time::{Duration, Instant};

use keyward_domain::ids::TenantId;
use keyward_domain::limit::{Limit, Meter, OnLoss};
use keyward_domain::port::{Counters as _, Mark, Refusal, Taken};
use keyward_store::redis::{Health, Options};

use super::cluster::slot_of;
use super::node::{Node, limit, patient, tokens, with_burst};
use super::server::{Server, free_port};

const SLOTS: u16 = 16_384;

/// Servers that have an equal number of parts each.
pub struct Cluster {
    servers: Vec<Server>,
}

impl Cluster {
    pub fn of(count: u16) -> Self {
        let (servers, buses): (Vec<_>, Vec<_>) = (0..count).map(|_| member()).unzip();
        let share = SLOTS / count;
        for (number, server) in (0..count).zip(&servers) {
            let end = if number + 1 == count { SLOTS } else { (number + 1) * share };
            let (first, last) = (number * share, end - 1);
            assert_eq!(server.command(&["CLUSTER", "ADDSLOTSRANGE", &first.to_string(), &last.to_string()]), "OK");
            // Two servers with the same epoch would have to agree on another first.
            assert_eq!(server.command(&["CLUSTER", "SET-CONFIG-EPOCH", &(number + 1).to_string()]), "OK");
        }
        for (server, bus) in servers.iter().zip(&buses).skip(1) {
            let (port, bus) = (server.port().to_string(), bus.to_string());
            assert_eq!(servers[0].command(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus]), "OK");
        }
        let cluster = Self { servers };
        for server in &cluster.servers {
            until("one cluster", || {
                let info = server.command(&["CLUSTER", "INFO"]);
                info.contains("cluster_state:ok")
                    && info.contains(&format!("cluster_slots_ok:{SLOTS}"))
                    && info.contains(&format!("cluster_known_nodes:{count}"))
            });
        }
        cluster
    }

    pub fn into_first(mut self) -> Server {
        self.servers.swap_remove(0)
    }

    /// A tenant whose limits are at this server.
    fn tenant_at(&self, index: u16) -> TenantId {
        let share = SLOTS / u16::try_from(self.servers.len()).unwrap();
        (1..999).map(TenantId::from_bits).find(|tenant| slot_of(*tenant) / share == index).unwrap()
    }

    fn url(&self) -> String {
        self.servers[0].url()
    }
}

/// A server that may become one of a cluster, and where the others find it. They are patient with each other: the machine
/// is busy.
fn member() -> (Server, u16) {
    let bus = free_port();
    let options =
        ["--cluster-enabled", "yes", "--cluster-require-full-coverage", "no", "--cluster-node-timeout", "60000"];
    (Server::start_with(&[&options[..], &["--cluster-port", &bus.to_string()]].concat()), bus)
}

fn until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < deadline, "never {what}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

fn of(tenant: TenantId, limit: Limit) -> Limit {
    Limit { tenant, on_loss: OnLoss::Open, ..limit }
}

fn is_shared(taken: &Taken) -> bool {
    taken.parts.iter().all(|part| matches!(part.mark, Mark::Shared { .. }))
}

#[tokio::test]
async fn f32_limits_of_several_tenants_are_counted_at_several_servers_all_or_none() {
    let cluster = Cluster::of(3);
    let nodes = [Node::begin(patient(&cluster.url()), 1), Node::begin(patient(&cluster.servers[1].url()), 2)];
    for node in &nodes {
        node.until_healthy().await;
    }
    let tenants = [0, 1, 2].map(|index| cluster.tenant_at(index));
    let limits = [
        of(tenants[0], limit(1, Meter::Tokens, 1_000_000)),
        of(tenants[0], with_burst(2, Meter::Tokens, 1_000_000, 1_000_000)),
        of(tenants[1], limit(3, Meter::Concurrency, 500)),
        of(tenants[2], limit(4, Meter::Requests, 100)),
    ];
    let mut open = Vec::new();
    for call in 0..300 {
        match nodes[call % 2].take(&limits, tokens(50, 0)).await {
            Ok(taken) => open.push((call % 2, taken)),
            Err(Refusal::Reached(reached)) => assert_eq!((reached.meter, reached.quota), (Meter::Requests, 100)),
            Err(exceeds) => panic!("{exceeds:?}"),
        }
    }
    assert_eq!(open.len(), 100);
    assert!(open.iter().all(|(_, taken)| is_shared(taken)));
    // What the first servers had counted of the refused calls was given back.
    assert_eq!(nodes[0].level(&limits[0]).await.used, 100 * 50);
    assert_eq!(nodes[0].level(&limits[2]).await.used, 100);
    for (node, taken) in open {
        nodes[node].counters.settle(taken, tokens(20, 0), nodes[node].now());
    }
    for node in &nodes {
        // Settlements go before the next question of their node.
        for limit in &limits {
            let _ = node.level(limit).await;
        }
        assert_eq!(node.counters.health(), Health::Healthy);
        assert_eq!((node.counters.counted().local, node.counters.counted().failures), (0, 0));
    }
    assert_eq!(nodes[0].level(&limits[0]).await.used, 100 * 20);
    assert_eq!(nodes[0].level(&limits[2]).await.used, 0);
}

/// Moves a tenant's counters from one server to another, as `redis-cli --cluster reshard` does.
struct Move<'a> {
    cluster: &'a Cluster,
    slot: String,
    ids: Vec<String>,
}

impl<'a> Move<'a> {
    /// From the first server to the second.
    fn begin(cluster: &'a Cluster, tenant: TenantId) -> Self {
        let ids: Vec<String> = cluster.servers.iter().map(|server| server.command(&["CLUSTER", "MYID"])).collect();
        let moving = Self { cluster, slot: slot_of(tenant).to_string(), ids };
        moving.set(1, &["IMPORTING", &moving.ids[0]]);
        moving.set(0, &["MIGRATING", &moving.ids[1]]);
        moving
    }

    fn set(&self, server: usize, state: &[&str]) {
        let words = [&["CLUSTER", "SETSLOT", &self.slot], state].concat();
        assert_eq!(self.cluster.servers[server].command(&words), "OK");
    }

    fn keys(&self, ending: &str) {
        let from = &self.cluster.servers[0];
        let port = self.cluster.servers[1].port().to_string();
        let keys = from.command(&["CLUSTER", "GETKEYSINSLOT", &self.slot, "100"]);
        for key in keys.split(' ').filter(|key| key.ends_with(ending)) {
            assert_eq!(from.command(&["MIGRATE", "127.0.0.1", &port, key, "0", "5000"]), "OK");
        }
    }

    fn end(&self) {
        for server in [1, 0] {
            self.set(server, &["NODE", &self.ids[1]]);
        }
    }
}

#[tokio::test]
async fn f32_a_part_that_moves_to_another_server_is_followed_and_nothing_is_lost() {
    let cluster = Cluster::of(2);
    let (tenant, other) = (cluster.tenant_at(0), cluster.tenant_at(1));
    let node = Node::at(&cluster.url()).await;
    let limits = [of(tenant, limit(1, Meter::Requests, 100)), of(tenant, limit(2, Meter::Concurrency, 1_000))];
    let mut open = Vec::new();
    let mut pass = async |calls: usize| {
        let mut shared = 0;
        for _ in 0..calls {
            let taken = node.take(&limits, tokens(0, 0)).await.unwrap();
            shared += usize::from(is_shared(&taken));
            open.push(taken);
        }
        shared
    };
    assert_eq!(pass(10).await, 10);
    let moving = Move::begin(&cluster, tenant);
    assert_eq!(pass(10).await, 10, "all of it is still there");
    moving.keys(":epoch");
    assert_eq!(pass(3).await, 0, "some here and some there: TRYAGAIN");
    let elsewhere = node.take(&[of(other, limit(3, Meter::Requests, 10))], tokens(0, 0)).await.unwrap();
    assert!(is_shared(&elsewhere), "other parts go on");
    moving.keys("");
    assert_eq!(pass(10).await, 10, "all of it is there: ASK");
    moving.end();
    assert_eq!(pass(10).await, 10, "MOVED");
    let asked = cluster.servers[0].executed("evalsha");
    assert_eq!(pass(10).await, 10);
    assert_eq!(cluster.servers[0].executed("evalsha"), asked, "the new server is asked directly");

    assert_eq!(node.level(&limits[0]).await.used, 50, "what was counted before moved along");
    assert_eq!(node.counters.health(), Health::Healthy);
    for taken in open {
        node.counters.undo(taken, node.now());
    }
    assert_eq!(node.level(&limits[1]).await.used, 0);
    assert_eq!(node.counters.counted().lost_settlements, 0);
}

#[tokio::test]
async fn f32_what_ends_while_a_part_is_on_its_way_is_settled_when_it_is_there() {
    let cluster = Cluster::of(2);
    let tenant = cluster.tenant_at(0);
    // What was not taken is sent again as often as the connection is tried: after twice the time that an answer may take.
    let node = Node::begin(Options { operation: Duration::from_millis(500), ..patient(&cluster.url()) }, 1);
    node.until_healthy().await;
    let limits = [of(tenant, limit(1, Meter::Tokens, 10_000)), of(tenant, limit(2, Meter::Concurrency, 10))];
    let first = node.take(&limits, tokens(500, 0)).await.unwrap();
    let _second = node.take(&limits, tokens(500, 0)).await.unwrap();
    let moving = Move::begin(&cluster, tenant);
    moving.keys(":epoch");
    node.counters.settle(first, tokens(200, 0), node.now());
    tokio::time::sleep(Duration::from_millis(100)).await;
    moving.keys("");
    moving.end();
    let deadline = Instant::now() + Duration::from_secs(20);
    while node.level(&limits[1]).await.used != 1 {
        assert!(Instant::now() < deadline, "never settled");
    }
    assert_eq!(node.level(&limits[0]).await.used, 700);
    assert_eq!(node.counters.counted().lost_settlements, 0);
}

#[tokio::test]
async fn f32_a_server_that_dies_takes_its_parts_with_it_until_another_has_them() {
    let mut cluster = Cluster::of(3);
    let node = Node::at(&cluster.url()).await;
    let limits =
        [0, 1, 2].map(|index| [of(cluster.tenant_at(index), limit(u128::from(index), Meter::Requests, 1_000))]);
    let shared =
        async |index: usize| node.take(&limits[index], tokens(0, 0)).await.is_ok_and(|taken| is_shared(&taken));
    for index in [0, 1, 2] {
        assert!(shared(index).await);
        node.until_healthy().await;
    }
    cluster.servers[2].kill();
    node.until_degraded().await;
    for _ in 0..50 {
        assert!(!shared(2).await);
        assert!(shared(0).await && shared(1).await, "the others have nothing to do with it");
    }
    // Another takes over, without what was counted: held back for a while, as after a flush.
    let slot = slot_of(limits[2][0].tenant).to_string();
    let heir = cluster.servers[1].command(&["CLUSTER", "MYID"]);
    for server in [1, 0] {
        assert_eq!(cluster.servers[server].command(&["CLUSTER", "SETSLOT", &slot, "NODE", &heir]), "OK");
    }
    let deadline = Instant::now() + Duration::from_secs(20);
    while !shared(2).await {
        assert!(Instant::now() < deadline, "never found");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    node.until_healthy().await;
}

#[tokio::test]
async fn f32_the_first_server_of_a_cluster_may_die_like_any_other() {
    let mut cluster = Cluster::of(3);
    let node = Node::at(&cluster.url()).await;
    let limits =
        [0, 1, 2].map(|index| [of(cluster.tenant_at(index), limit(u128::from(index), Meter::Requests, 1_000))]);
    let shared =
        async |index: usize| node.take(&limits[index], tokens(0, 0)).await.is_ok_and(|taken| is_shared(&taken));
    assert!(shared(1).await);
    node.until_healthy().await;
    cluster.servers[0].kill();
    node.until("noticed", || node.counters.counted().degraded > 0).await;
    let deadline = Instant::now() + Duration::from_secs(20);
    // A part that was not asked for before is found by way of the others.
    while !(shared(1).await && shared(2).await) {
        assert!(Instant::now() < deadline, "never found");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(!shared(0).await);
}

#[tokio::test]
async fn f32_a_part_that_nobody_has_is_counted_locally_and_found_when_somebody_has_it() {
    let cluster = Cluster::of(1);
    let tenant = TenantId::from_bits(1);
    let slot = slot_of(tenant).to_string();
    let node = Node::at(&cluster.url()).await;
    let limits =
        [[of(tenant, limit(1, Meter::Requests, 100))], [of(TenantId::from_bits(2), limit(2, Meter::Requests, 100))]];
    let shared =
        async |index: usize| node.take(&limits[index], tokens(0, 0)).await.is_ok_and(|taken| is_shared(&taken));
    assert!(shared(0).await);
    assert_eq!(cluster.servers[0].command(&["CLUSTER", "DELSLOTS", &slot]), "OK");
    // The part of the probe as well: a server is not judged by what it does not have.
    let probe = cluster.servers[0].command(&["CLUSTER", "KEYSLOT", "kw:probe"]);
    assert_eq!(cluster.servers[0].command(&["CLUSTER", "DELSLOTS", &probe]), "OK");
    for _ in 0..30 {
        assert!(!shared(0).await);
        assert!(shared(1).await);
    }
    assert_eq!(node.counters.counted().failures, 5, "after these nobody asks for a while");
    node.until_degraded().await;
    let late = Node::at(&cluster.url()).await;
    assert!(is_shared(&late.take(&limits[1], tokens(0, 0)).await.unwrap()));
    assert_eq!(cluster.servers[0].command(&["CLUSTER", "ADDSLOTS", &slot]), "OK");
    let deadline = Instant::now() + Duration::from_secs(20);
    while !shared(0).await {
        assert!(Instant::now() < deadline, "never found");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    node.until_healthy().await;
}
