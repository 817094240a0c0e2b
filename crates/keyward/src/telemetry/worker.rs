//! The exporter's loop: gather a batch, send it, again and again. One request at a time.

use std::sync::Arc;
use std::time::Duration;

use keyward_domain::port::Clock;
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};

use super::collector::{Collector, Verdict};
use super::otlp;
use super::span::Span;
use super::tally::{Complaints, Loss, REPORT_EVERY, Tally};

/// Spans per request: at 2 KB each, a twentieth of the 20 MiB that collectors take.
pub(super) const BATCH: usize = 512;
/// From the first span of a batch to its way out, unless [`BATCH`] spans come together earlier.
pub(super) const LINGER: Duration = Duration::from_secs(1);
/// How often a batch is sent before it is dropped. While it waits the queue fills up.
pub(super) const TRIES: u32 = 5;
/// The wait after the first try that failed; each one after it is twice as long.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// The longest wait between two tries, whatever the collector wishes.
pub(super) const RETRY_AT_MOST: Duration = Duration::from_secs(30);
/// From being told to stop to the end, whatever is left.
pub(super) const FLUSH: Duration = Duration::from_secs(2);

/// Everything that the loop works with.
pub(super) struct Worker {
    spans: mpsc::Receiver<Span>,
    stop: Stop,
    collector: Collector,
    clock: Arc<dyn Clock>,
    tally: Tally,
    complaints: Complaints,
    batch: Vec<Span>,
}

/// Whether it is time to end. An owner who is gone has said so too.
#[derive(Clone)]
pub(super) struct Stop(watch::Receiver<bool>);

impl Worker {
    /// The loop for this queue and this collector.
    pub(super) fn new(
        spans: mpsc::Receiver<Span>,
        stop: Stop,
        collector: Collector,
        tally: Tally,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let complaints = Complaints::about(tally.clone());
        Self { spans, stop, collector, clock, tally, complaints, batch: Vec::with_capacity(BATCH) }
    }

    /// Works until told to stop, then sends what is left for at most [`FLUSH`].
    pub(super) async fn run(mut self) {
        let mut stop = self.stop.clone();
        let too_late = async {
            stop.wait().await;
            sleep(FLUSH).await;
        };
        tokio::select! {
            () = self.work() => {}
            () = too_late => self.give_up(),
        }
        let loss = self.complaints.rest(self.clock.monotonic());
        self.complain(loss);
    }

    /// Ends when told to stop and nothing is left.
    async fn work(&mut self) {
        loop {
            self.gather().await;
            if self.batch.is_empty() {
                return;
            }
            self.deliver().await;
            self.complain_if_due();
        }
    }

    /// Fills the batch. It stays empty only when there is nothing left to come.
    async fn gather(&mut self) {
        self.first().await;
        let full = self.fill();
        // The batch keeps what it has when the time is up.
        let _ = timeout(LINGER, full).await;
    }

    /// Waits for the first spans of a batch, for as long as it takes.
    async fn first(&mut self) {
        while self.batch.is_empty() {
            let ending = self.spans.is_closed();
            tokio::select! {
                biased;
                () = self.stop.wait(), if !ending => self.spans.close(),
                taken = self.spans.recv_many(&mut self.batch, BATCH) => if taken == 0 { return },
                () = sleep(REPORT_EVERY), if self.complaints.waiting() => self.complain_if_due(),
            }
        }
    }

    /// Waits until the batch is full or the end is near.
    async fn fill(&mut self) {
        while !self.batch.is_empty() && self.batch.len() < BATCH {
            let ending = self.spans.is_closed();
            let room = BATCH.saturating_sub(self.batch.len());
            tokio::select! {
                biased;
                () = self.stop.wait(), if !ending => self.spans.close(),
                taken = self.spans.recv_many(&mut self.batch, room) => if taken == 0 { return },
            }
        }
    }

    /// Sends the batch until it is taken, refused or tried often enough; afterwards it is empty.
    async fn deliver(&mut self) {
        match otlp::encode(&self.batch) {
            Ok(body) => self.send(&body).await,
            Err(error) => self.lose(format!("the spans could not be written: {error}")),
        }
        self.batch.clear();
    }

    async fn send(&mut self, body: &[u8]) {
        let mut pause = RETRY_AFTER;
        for left in (0..TRIES).rev() {
            match self.collector.send(body.to_vec()).await {
                Verdict::Taken(rejected) => return self.count(&rejected),
                Verdict::Refused(why) => return self.lose(why),
                // At the end there is no time to wait: one try for each batch.
                Verdict::Later(_, why) if left == 0 || self.stop.is_set() => return self.lose(why),
                Verdict::Later(wish, why) => {
                    self.complaints.note(why);
                    self.rest(wish.unwrap_or_else(|| jittered(pause, self.batch.first()))).await;
                    pause = pause.saturating_mul(2);
                }
            }
        }
    }

    /// Waits, or returns early when the end has come.
    async fn rest(&mut self, length: Duration) {
        tokio::select! {
            () = sleep(length.min(RETRY_AT_MOST)) => {}
            () = self.stop.wait() => {}
        }
    }

    fn count(&mut self, rejected: &otlp::Rejected) {
        let sent = length(&self.batch);
        let lost = rejected.spans.min(sent);
        self.tally.exported(sent.saturating_sub(lost));
        self.tally.dropped(lost);
        if lost > 0 {
            self.complaints.note(format!("the collector rejected them: {}", rejected.why));
        }
    }

    fn lose(&mut self, why: String) {
        self.tally.dropped(length(&self.batch));
        self.complaints.note(why);
    }

    /// The time is up: what is in hand and in the queue is lost.
    fn give_up(&mut self) {
        self.spans.close();
        while self.spans.try_recv().is_ok() {
            self.tally.dropped(1);
        }
        self.lose("the collector did not take them before the end".to_owned());
        self.batch.clear();
    }

    fn complain_if_due(&mut self) {
        let loss = self.complaints.due(self.clock.monotonic());
        self.complain(loss);
    }

    fn complain(&self, loss: Option<Loss>) {
        if let Some(Loss { spans, why }) = loss {
            tracing::warn!(spans, reason = %why, collector = %self.collector, "traces were dropped; calls are not affected");
        }
    }
}

impl From<watch::Receiver<bool>> for Stop {
    fn from(said: watch::Receiver<bool>) -> Self {
        Self(said)
    }
}

impl Stop {
    fn is_set(&self) -> bool {
        *self.0.borrow() || self.0.has_changed().is_err()
    }

    async fn wait(&mut self) {
        // An error means that the owner is gone, which is as good as being told.
        let _ = self.0.wait_for(|stop| *stop).await;
    }
}

/// Three quarters of the pause and up to a quarter on top, so that several nodes do not come back at once. No two of
/// them hold the same span, so its id is chance enough.
fn jittered(pause: Duration, span: Option<&Span>) -> Duration {
    let [chance, ..] = span.map_or([0; 8], |span| span.id);
    pause.mul_f64(0.75).saturating_add(pause.mul_f64(f64::from(chance) / 1024.0))
}

fn length(spans: &[Span]) -> u64 {
    u64::try_from(spans.len()).unwrap_or(u64::MAX)
}
