//! Traces: one span per attempt, in OpenTelemetry's form with the GenAI conventions, sent to a collector.
//!
//! Nothing here is on a request's path. The ledger's projector shows rows that the store has; they become spans
//! ([`span`], [`attributes`]), wait in a bounded queue, and are sent in batches ([`worker`]) as OTLP/HTTP JSON
//! ([`otlp`], [`collector`]). What cannot be sent is dropped and counted ([`tally`]): a collector that fails disturbs
//! nobody. A span says who asked which model when and what that cost; it holds no prompt, no answer and no secret,
//! because the ledger's rows hold none.

mod attributes;
mod collector;
mod otlp;
mod span;
mod tally;
mod worker;

#[cfg(test)]
mod tests;

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

use keyward_domain::ledger::Entry;
use keyward_domain::origin::BaseUrl;
use keyward_domain::port::{Clock, Egress};
use prometheus_client::registry::Registry;
use tokio::runtime::Builder;
use tokio::sync::{mpsc, watch};

use collector::Collector;
use span::Span;
use tally::Tally;
use worker::{Stop, Worker};

/// Spans that may wait for the collector, about 2 KB each; more are dropped and counted.
pub const QUEUE: usize = 2_048;

/// Shown every row that the store has taken; see [`Telemetry::observer`].
pub type Observer = Arc<dyn Fn(&[Entry]) + Send + Sync>;

/// The exporter, running on a thread of its own, which [`Self::close`] ends. When this is only dropped the thread ends
/// by itself, but nobody waits for its last batch.
#[must_use = "traces are exported for as long as this is kept"]
pub struct Telemetry {
    spans: mpsc::Sender<Span>,
    tally: Tally,
    stop: watch::Sender<bool>,
    thread: JoinHandle<()>,
}

impl Telemetry {
    /// Begins to export to this collector (`telemetry.otlp_endpoint`). The collector is not asked whether it is there.
    pub fn start(endpoint: &BaseUrl, egress: Arc<dyn Egress>, clock: Arc<dyn Clock>) -> io::Result<Self> {
        let (spans, queued) = mpsc::channel(QUEUE);
        let (stop, stopped) = watch::channel(false);
        let tally = Tally::default();
        let collector = Collector::at(endpoint, egress);
        let worker = Worker::new(queued, Stop::from(stopped), collector, tally.clone(), clock);
        let runtime = Builder::new_current_thread().enable_time().build()?;
        let name = "telemetry".to_owned();
        let thread = std::thread::Builder::new().name(name).spawn(move || runtime.block_on(worker.run()))?;
        Ok(Self { spans, tally, stop, thread })
    }

    /// What the ledger's projector calls with rows that the store has. Never waits and never fails: without room in
    /// the queue a row's span is dropped and counted.
    pub fn observer(&self) -> Observer {
        let (spans, tally) = (self.spans.clone(), self.tally.clone());
        Arc::new(move |entries| observe(&spans, &tally, entries))
    }

    /// Lets `/metrics` show how many spans arrived and how many were dropped.
    pub fn register(&self, registry: &mut Registry) {
        self.tally.register(registry);
    }

    /// Sends what is queued, for [`worker::FLUSH`] at most, and ends the thread. Blocks, so it must not be called on an
    /// event loop; call it after the ledger is closed, whose last rows are spans too.
    pub fn close(self) {
        // Without a receiver the thread is gone already, which the join tells.
        let _ = self.stop.send(true);
        if self.thread.join().is_err() {
            tracing::error!("the telemetry thread ended in a panic; the last traces are lost");
        }
    }
}

fn observe(spans: &mpsc::Sender<Span>, tally: &Tally, entries: &[Entry]) {
    for entry in entries {
        // The place comes first: a full queue costs nothing but a count.
        match spans.try_reserve() {
            Ok(place) => place.send(Span::of(entry)),
            Err(_) => tally.dropped(1),
        }
    }
}
