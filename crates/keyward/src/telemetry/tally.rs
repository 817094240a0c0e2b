//! What became of the spans: two counters for `/metrics`, and a log line now and then.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;

/// Between two log lines about dropped spans.
pub(super) const REPORT_EVERY: Duration = Duration::from_mins(1);
/// The reason when the collector gave none.
const OVERFLOW: &str = "more spans came than the collector took";

/// The counters; clones count together.
#[derive(Clone, Default)]
pub(super) struct Tally {
    exported: Counter,
    dropped: Counter,
}

/// The part of the worker that complains, but not too often.
pub(super) struct Complaints {
    tally: Tally,
    reported: u64,
    last: Option<Duration>,
    why: Option<String>,
}

/// What one log line says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Loss {
    /// Spans that were dropped since the line before.
    pub(super) spans: u64,
    /// The last thing that went wrong.
    pub(super) why: String,
}

impl Tally {
    /// Spans that the collector took.
    pub(super) fn exported(&self, spans: u64) {
        self.exported.inc_by(spans);
    }

    /// Spans that nobody will see.
    pub(super) fn dropped(&self, spans: u64) {
        self.dropped.inc_by(spans);
    }

    /// Both figures: exported, dropped.
    #[cfg(test)]
    pub(super) fn figures(&self) -> (u64, u64) {
        (self.exported.get(), self.dropped.get())
    }

    /// Shows the counters.
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("telemetry_spans_exported", "Spans that the collector took", self.exported.clone());
        let dropped = "Spans that were dropped: the queue was full, or the collector did not take them";
        registry.register("telemetry_spans_dropped", dropped, self.dropped.clone());
    }
}

impl Complaints {
    /// Nothing to complain about yet.
    pub(super) const fn about(tally: Tally) -> Self {
        Self { tally, reported: 0, last: None, why: None }
    }

    /// Notes what went wrong, for the next line.
    pub(super) fn note(&mut self, why: String) {
        self.why = Some(why);
    }

    /// Whether something was dropped that no line told of.
    pub(super) fn waiting(&self) -> bool {
        self.tally.dropped.get() > self.reported
    }

    /// The line to write at this monotonic time, if there is something to say and the last one is a while ago.
    pub(super) fn due(&mut self, now: Duration) -> Option<Loss> {
        let rested = self.last.is_none_or(|last| now.saturating_sub(last) >= REPORT_EVERY);
        if rested { self.rest(now) } else { None }
    }

    /// The line to write whatever the time: at the end.
    pub(super) fn rest(&mut self, now: Duration) -> Option<Loss> {
        let dropped = self.tally.dropped.get();
        let spans = dropped.saturating_sub(self.reported);
        if spans == 0 {
            return None;
        }
        self.reported = dropped;
        self.last = Some(now);
        Some(Loss { spans, why: self.why.take().unwrap_or_else(|| OVERFLOW.to_owned()) })
    }
}
