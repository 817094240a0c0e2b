//! Where what calls spend and use is counted: in this process, or, for limits, at a server that several nodes share.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use keyward_domain::port::{Clock, Entropy};
use keyward_domain::time::Timestamp;
use keyward_gateway::{Counting, Metrics, SnapshotHandle};
use keyward_limit::book::{Booked, Crossing};
use keyward_limit::rate::InProcess;
use keyward_store::redis::{Driver, Health, Options, RedisCounters, World};
use keyward_tokenizer::Tiktoken;
use prometheus_client::metrics::gauge::Gauge;
use tokio::task::JoinSet;

use crate::config::{Counters, Environment};

/// How often it is looked whether the shared counters are well, and which thresholds were passed.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// In one of so many looks what budgets have spent is read again where it is not known: when the clock was set back by
/// more than balances remember.
const READ_EVERY: u32 = 30;

/// What calls spend and use.
pub struct Counts {
    /// For the data plane and everybody who shows it.
    pub counting: Counting,
    /// Counters in this process, which forget limits that are gone.
    pub in_process: Arc<InProcess>,
    shared: Option<RedisCounters>,
    /// The shared counters' connections, until a server runs them.
    driver: Mutex<Option<Driver>>,
    /// Why the shared counters cannot be used, when they cannot: commands go on without, a server does not start.
    problem: Option<String>,
}

impl Counts {
    /// Counters as the config wants them. Nothing is connected before [`Counts::mind`].
    pub fn of(
        wanted: &Counters,
        environment: &Environment,
        clock: &Arc<dyn Clock>,
        entropy: &Arc<dyn Entropy>,
    ) -> Self {
        let in_process = Arc::new(InProcess::default());
        let (counters, tokenizer) = (Arc::clone(&in_process) as _, Some(Arc::new(Tiktoken) as _));
        let counting = Counting { counters, tokenizer, ..Counting::default() };
        let alone = Self { counting, in_process, shared: None, driver: Mutex::default(), problem: None };
        let Counters::Shared { url, nodes } = wanted else { return alone };
        let connected = url.fetch(environment.variables()).map_err(anyhow::Error::msg).and_then(|url| {
            let url = std::str::from_utf8(url.expose()).context("`counters.url` is not text")?;
            let options = Options { nodes: *nodes, ..Options::from_url(url).context("`counters.url`")? };
            let local = Arc::clone(&alone.in_process) as _;
            let world = World { local, clock: Arc::clone(clock), entropy: Arc::clone(entropy) };
            Ok(RedisCounters::connect(options, world)?)
        });
        match connected {
            Ok((counters, driver)) => Self {
                // Until the server answered once.
                counting: Counting {
                    counters: Arc::new(counters.clone()),
                    degraded: Arc::new(AtomicBool::new(true)),
                    ..alone.counting
                },
                shared: Some(counters),
                driver: Mutex::new(Some(driver)),
                ..alone
            },
            Err(error) => Self { problem: Some(format!("{error:#}")), ..alone },
        }
    }

    /// Why a server cannot start with these.
    pub fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }

    /// Why limits are not counted together with the other nodes now, in a sentence; `None` while they are.
    pub fn degraded(&self) -> Option<String> {
        match self.shared.as_ref()?.health() {
            Health::Healthy => None,
            Health::Degraded { since, why } => Some(format!(
                "The shared counters cannot be asked since {} ({why}). Each limit does what it declares for that; money is \
                 not affected.",
                since.rfc3339()
            )),
        }
    }

    /// Runs the connections and looks after the counts for as long as the set lives.
    pub fn mind(
        self: &Arc<Self>,
        booked: &Arc<Booked>,
        snapshot: SnapshotHandle,
        clock: Arc<dyn Clock>,
        metrics: &Metrics,
    ) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        if let Some(driver) = self.driver.lock().unwrap_or_else(PoisonError::into_inner).take() {
            tasks.spawn(driver.run());
        }
        let shown = Shown::register(metrics);
        let (counts, booked) = (Arc::clone(self), Arc::clone(booked));
        tasks.spawn(async move {
            let mut look = tokio::time::interval(LOOK_EVERY);
            look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            for number in (0..READ_EVERY).cycle() {
                look.tick().await;
                counts.tell_health(&shown);
                counts.tell_crossings();
                if number == 0 {
                    read_again(&booked, &snapshot, clock.now()).await;
                }
            }
        });
        tasks
    }

    /// Says once that something changed.
    fn tell_health(&self, shown: &Shown) {
        let Some(shared) = &self.shared else { return };
        let degraded = self.degraded();
        let was = self.counting.degraded.swap(degraded.is_some(), Ordering::AcqRel);
        match (&degraded, was) {
            (Some(why), false) => tracing::error!("{why}"),
            (None, true) => tracing::info!("limits are counted together with the other nodes again"),
            _ => {}
        }
        shown.degraded.set(i64::from(degraded.is_some()));
        shown.local.set(i64::try_from(shared.counted().local).unwrap_or(i64::MAX));
    }

    fn tell_crossings(&self) {
        let (crossings, missed) = self.counting.book.take_crossings();
        for Crossing { budget, scope, threshold, limit, spent, window, .. } in crossings {
            let percent = f64::from(threshold) / 10.0;
            tracing::warn!(%budget, %scope, %limit, %spent, until = window.until.rfc3339(), "a budget passed {percent} %");
        }
        if missed > 0 {
            tracing::warn!(missed, "more budgets passed a threshold than could be told one by one");
        }
    }
}

async fn read_again(booked: &Arc<Booked>, snapshot: &SnapshotHandle, now: Timestamp) {
    let (booked, snapshot) = (Arc::clone(booked), snapshot.load());
    if snapshot.budgets().is_empty() {
        return;
    }
    let filled = tokio::task::spawn_blocking(move || booked.fill(snapshot.budgets(), now)).await;
    if let Ok(Err(error)) = filled {
        tracing::error!(%error, "what budgets have spent could not be read; calls that they apply to are refused");
    }
}

/// What `/metrics` shows of the shared counters.
struct Shown {
    degraded: Gauge,
    local: Gauge,
}

impl Shown {
    fn register(metrics: &Metrics) -> Self {
        let shown = Self { degraded: Gauge::default(), local: Gauge::default() };
        metrics.register_more(|registry| {
            let about = "Whether the counters that several nodes share cannot be asked";
            registry.register("limits_degraded", about, shown.degraded.clone());
            let about = "Calls whose limits were decided without the shared counters";
            registry.register("limits_decided_locally", about, shown.local.clone());
        });
        shown
    }
}
