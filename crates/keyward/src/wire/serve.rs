//! The server: both planes over one installation, from the first listener to the last ledger row on the disk.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use keyward_domain::port::Journals;
use keyward_gateway::{Attempts, Deadlines, Disconnect, Gateway, Limits, Metrics, Options, Queue, Running};
use keyward_store::journal::{FileJournals, Observer, Options as JournalOptions};
use tokio::task::JoinSet;

use super::engine::Engine;
use super::live::Serving;
use super::planes::ControlPlane;
use super::{reconciler, validator};
use crate::config::Config;
use crate::telemetry::Telemetry;

/// How long calls under way may take after the server was told to stop.
pub const DRAIN: Duration = Duration::from_secs(30);

/// Both planes, running.
pub struct Server {
    engine: Engine,
    data: Running,
    control: ControlPlane,
    journals: Arc<FileJournals>,
    telemetry: Option<Telemetry>,
    /// The background validator; ends when this is dropped.
    validator: JoinSet<()>,
    /// Compares the ledger's sums with its rows; ends when this is dropped.
    reconciler: JoinSet<()>,
    /// What looks after budgets and limits; ends when this is dropped.
    counts: JoinSet<()>,
}

impl Server {
    /// Replays what an earlier process left, then opens both planes. Calls are served when this returns. Needs a
    /// runtime for the control plane; the data plane has threads of its own.
    pub async fn start(engine: Engine) -> anyhow::Result<Self> {
        if let Some(problem) = engine.publisher.counts.problem() {
            anyhow::bail!("{problem}");
        }
        let metrics = Arc::new(Metrics::default());
        let telemetry = telemetry(&engine, &metrics)?;
        let journals = journals(&engine, &metrics, telemetry.as_ref())?;
        // What an earlier process left in the journal is in the store by now.
        engine.publisher.pools.restore_day(&*engine.store, &*engine.clock)?;
        let data = Gateway {
            options: options(&engine.config),
            snapshot: engine.publisher.snapshot.clone(),
            vault: Arc::clone(&engine.vault),
            journals: Arc::clone(&journals) as Arc<dyn Journals>,
            clock: Arc::clone(&engine.clock),
            entropy: Arc::clone(&engine.entropy),
            metrics: Arc::clone(&metrics),
            bindings: Arc::clone(&engine.publisher.pools.bindings),
            leases: Arc::clone(&engine.store),
            counting: engine.publisher.counts.counting.clone(),
        };
        let (booked, snapshot) = (&engine.publisher.booked, engine.publisher.snapshot.clone());
        let counts = engine.publisher.counts.mind(booked, snapshot, Arc::clone(&engine.clock), &metrics);
        let control = ControlPlane::open(&engine, &metrics).await?;
        // The data plane comes last: who finds its port open finds everything.
        let data = data.start()?;
        let reconciler = reconciler::begin(&engine.control, &engine.pulse, &metrics);
        let since = engine.clock.monotonic();
        engine.pulse.begin_serving(Serving { since, metrics, journals: Arc::clone(&journals) });
        let validator = validator::begin(&engine.control, engine.config.probe_idle_after);
        Ok(Self { engine, data, control, journals, telemetry, validator, reconciler, counts })
    }

    /// Where clients connect.
    pub const fn data_address(&self) -> SocketAddr {
        self.data.local_addr()
    }

    /// Where operators connect.
    pub const fn admin_address(&self) -> SocketAddr {
        self.control.address
    }

    /// The installation that is served.
    pub const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Takes nothing new, finishes what is under way, and returns when the ledger is on the disk. An error means that
    /// it may not be.
    pub async fn stop(mut self, grace: Duration) -> anyhow::Result<()> {
        self.engine.pulse.begin_draining();
        self.validator.abort_all();
        self.reconciler.abort_all();
        let data = self.data;
        tokio::task::spawn_blocking(move || data.drain(grace)).await.context("the data plane did not end well")?;
        self.counts.abort_all();
        self.control.close().await;
        let journals = self.journals;
        let closed =
            tokio::task::spawn_blocking(move || journals.close()).await.context("the journal did not end well")?;
        // The ledger's last rows are traces too.
        if let Some(telemetry) = self.telemetry {
            tokio::task::spawn_blocking(move || telemetry.close()).await.context("the traces did not end well")?;
        }
        let closed = closed.context("the ledger may not be on the disk")?;
        if !closed.complete || closed.unsettled > 0 {
            tracing::warn!(
                unsettled = closed.unsettled,
                "ledger rows are left in the journal; the next start takes them over"
            );
        }
        tracing::info!(rows = closed.projected, "stopped; the ledger is on the disk");
        Ok(())
    }
}

/// Brings what a dead process left in the journal to the store, for commands that work without a server.
pub fn recover(engine: &Engine) -> anyhow::Result<()> {
    let folder = engine.home.journals();
    if folder.exists() {
        let clock = Arc::clone(&engine.clock);
        let (journals, _) = FileJournals::open(&folder, Arc::clone(&engine.store), clock, JournalOptions::default())?;
        journals.close()?;
    }
    Ok(())
}

fn telemetry(engine: &Engine, metrics: &Metrics) -> anyhow::Result<Option<Telemetry>> {
    let Some(endpoint) = &engine.config.otlp_endpoint else { return Ok(None) };
    let telemetry = Telemetry::start(endpoint, Arc::clone(&engine.egress), Arc::clone(&engine.clock))
        .context("the thread for traces could not be started")?;
    metrics.register_more(|registry| telemetry.register(registry));
    Ok(Some(telemetry))
}

fn journals(
    engine: &Engine,
    metrics: &Arc<Metrics>,
    telemetry: Option<&Telemetry>,
) -> anyhow::Result<Arc<FileJournals>> {
    let counted = Arc::clone(metrics);
    let traced = telemetry.map(Telemetry::observer);
    let observer: Observer = Arc::new(move |entries| {
        counted.settled(entries);
        if let Some(traced) = &traced {
            traced(entries);
        }
    });
    let options = JournalOptions { observer: Some(observer), ..JournalOptions::default() };
    let (store, clock) = (Arc::clone(&engine.store), Arc::clone(&engine.clock));
    let (journals, recovered) = FileJournals::open(&engine.home.journals(), store, clock, options)?;
    if recovered.replayed + recovered.unsettled + recovered.torn_bytes > 0 {
        tracing::warn!(
            replayed = recovered.replayed,
            unsettled = recovered.unsettled,
            torn_bytes = recovered.torn_bytes,
            "took over what an earlier process left in the journal"
        );
    }
    Ok(Arc::new(journals))
}

pub fn options(config: &Config) -> Options {
    Options {
        workers: config.workers,
        limits: Limits {
            json_body: config.limits.body_bytes,
            upload_body: config.limits.upload_bytes,
            connections: config.limits.max_connections,
            in_flight: config.limits.in_flight,
            ..Limits::default()
        },
        deadlines: Deadlines {
            connect: config.deadlines.connect,
            first_content: config.deadlines.first_content,
            idle: config.deadlines.idle,
            total: config.deadlines.total,
            keep_alive: config.deadlines.keep_alive,
        },
        attempts: Attempts {
            max: config.attempts.max,
            total: config.attempts.total,
            cost: config.attempts.cost,
            explain: config.attempts.explain_header,
        },
        queue: Queue { wait: config.queue.wait, places: config.queue.places },
        disconnect: Disconnect {
            drain_max: config.on_disconnect.drain_max,
            drains: config.on_disconnect.drain_max_calls,
        },
        durability: config.durability,
        allow_query_key: config.allow_query_key,
        traced: config.otlp_endpoint.is_some(),
        ..Options::listening(config.listen.data)
    }
}
