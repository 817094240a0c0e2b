//! A node that counts at a server, and what tests ask of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use keyward_domain::budget::Mode;
use keyward_domain::ids::{LimitId, RequestId, TeamId, TenantId};
use keyward_domain::ledger::AttemptId;
use keyward_domain::limit::{Limit, LimitPeriod, Meter, OnLoss};
use keyward_domain::port::{Amounts, Ask, Clock, Counters, Level, Refusal, Taken};
use keyward_domain::principal::Realm;
use keyward_domain::scope::{Reach, Scope};
use keyward_domain::time::Timestamp;
use keyward_limit::rate::InProcess;
use keyward_store::redis::{Driver, Health, Options, RedisCounters, World};
use keyward_testkit::SeededEntropy;
use tokio::task::JoinSet;

pub const TENANT: TenantId = TenantId::from_bits(7);
/// The server is a process of a busy machine: tests that are not about slowness give it time.
pub const PATIENT: Duration = Duration::from_secs(5);

/// One node: its counters, and who runs its connections.
pub struct Node {
    pub counters: RedisCounters,
    pub clock: Arc<RealClock>,
    _running: JoinSet<()>,
}

/// Time as it passes: a server's clock cannot be moved by hand.
#[derive(Debug)]
pub struct RealClock(Instant);

impl RealClock {
    pub fn starting() -> Self {
        Self(Instant::now())
    }
}

impl Clock for RealClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_millis(1_790_000_000_000).plus(self.0.elapsed())
    }

    fn monotonic(&self) -> Duration {
        // Not from zero: the process has been running for a while.
        Duration::from_hours(1) + self.0.elapsed()
    }
}

impl Node {
    /// A node that has reached the server.
    pub async fn at(url: &str) -> Self {
        let node = Self::begin(patient(url), 1);
        node.until_healthy().await;
        node
    }

    /// One of several, each with a name of its own.
    pub fn begin(options: Options, seed: u64) -> Self {
        let (counters, clock, driver) = Self::parts(options, seed);
        let mut running = JoinSet::new();
        running.spawn(driver.run());
        Self { counters, clock, _running: running }
    }

    /// Its counters, its clock, and what somebody has to run.
    pub fn parts(options: Options, seed: u64) -> (RedisCounters, Arc<RealClock>, Driver) {
        let clock = Arc::new(RealClock::starting());
        let world = World {
            local: Arc::new(InProcess::default()),
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            entropy: Arc::new(SeededEntropy::new(seed)),
        };
        let (counters, driver) = RedisCounters::connect(options, world).unwrap();
        (counters, clock, driver)
    }

    pub fn now(&self) -> Duration {
        self.clock.monotonic()
    }

    pub async fn take(&self, limits: &[Limit], amounts: Amounts) -> Result<Taken, Refusal> {
        self.counters.take(asks(limits, amounts), call(1), self.now()).await
    }

    pub async fn level(&self, limit: &Limit) -> Level {
        self.counters.view(&Arc::new(limit.clone()), &team(), self.now()).await
    }

    pub async fn until_healthy(&self) {
        self.until("healthy", || self.counters.health() == Health::Healthy).await;
    }

    pub async fn until_degraded(&self) {
        self.until("degraded", || self.counters.health() != Health::Healthy).await;
    }

    /// Waits for something that comes by itself, with patience for a busy machine.
    pub async fn until(&self, what: &str, is_so: impl Fn() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while !is_so() {
            assert!(
                Instant::now() < deadline,
                "never {what}: {:?} {:?}",
                self.counters.health(),
                self.counters.counted()
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// A server that has time, and a node that is back as soon as it is well.
pub fn patient(url: &str) -> Options {
    Options { operation: PATIENT, re_entry: Duration::ZERO, ..Options::from_url(url).unwrap() }
}

/// As in production, but back at once.
pub fn strict(url: &str) -> Options {
    Options { re_entry: Duration::ZERO, ..Options::from_url(url).unwrap() }
}

pub fn team() -> Scope {
    Scope::Team(TeamId::from_bits(1))
}

pub fn limit(number: u128, meter: Meter, quota: u64) -> Limit {
    Limit {
        id: LimitId::from_bits(number),
        tenant: TENANT,
        set_by: Realm::Installation,
        reach: Reach::One(team()),
        meter,
        quota,
        period: (meter != Meter::Concurrency).then_some(LimitPeriod::Minute),
        burst: None,
        mode: Mode::Enforce,
        on_loss: OnLoss::LocalShare,
        created_at: Timestamp::EPOCH,
        revision: 1,
    }
}

pub fn with_burst(number: u128, meter: Meter, quota: u64, burst: u64) -> Limit {
    Limit { burst: Some(burst), ..limit(number, meter, quota) }
}

pub fn asks(limits: &[Limit], amounts: Amounts) -> Vec<Ask> {
    limits.iter().map(|limit| Ask::new(Arc::new(limit.clone()), team(), amounts)).collect()
}

pub fn tokens(input_tokens: u64, output_tokens: u64) -> Amounts {
    Amounts { input_tokens, output_tokens }
}

pub fn call(number: u128) -> AttemptId {
    AttemptId { request: RequestId::from_bits(number), number: 0 }
}

/// Chance that repeats itself: splitmix64.
pub struct Chance(pub u64);

impl Chance {
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound
    }
}
