//! Compares the ledger's sums with its rows: each minute what was touched since, each hour everything. What differs is an
//! error in the log, a metric, and a line in `status` and `doctor`; it is never put right in silence.
//!
//! Every row is read again and again by this, so it takes a hundredth of the time at most: with very many rows the rounds
//! become rarer, and the way through everything longer than an hour.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use keyward_admin::control::{Control, drift_named};
use keyward_admin::error::AdminError;
use keyward_domain::ledger::{ReconcileQuery, Reconciliation};
use keyward_domain::time::Timestamp;
use keyward_gateway::Metrics;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};

use super::live::Pulse;

/// How often what was touched is compared.
const EVERY: Duration = Duration::from_mins(1);
/// What of that time comparing may take: a hundredth. 700 ns a row make that some 850,000 rows a minute.
const SHARE: Duration = Duration::from_millis(600);
/// Everything is compared once in so many rounds.
const ROUNDS_PER_HOUR: u64 = 60;
/// How far back rows are looked for each minute: calls that began then may have ended since.
const TOUCHED_SPAN: Duration = Duration::from_hours(1);
/// Sums are kept by quarters of an hour.
const QUARTER: Duration = Duration::from_mins(15);
/// Parts of everything become longer while they take less than this, and shorter when they take more than that. As long as a
/// part takes, the database's write-ahead log cannot be cut.
const QUICK: Duration = Duration::from_millis(50);
const SLOW: Duration = Duration::from_millis(200);
/// However few rows there were: many may follow.
const LONGEST_PART: Duration = Duration::from_hours(8 * 24);

/// What the metrics say of it.
#[derive(Default)]
struct Tally {
    runs: Counter,
    failures: Counter,
    /// In nano-dollars, whatever the sign: of the last round over everything, and of those since that found something.
    drift: Gauge<i64, AtomicI64>,
    /// Sums that did not agree.
    drifts: Gauge<i64, AtomicI64>,
}

/// Goes on until the set is dropped.
pub fn begin(control: &Arc<Control>, pulse: &Arc<Pulse>, metrics: &Metrics) -> JoinSet<()> {
    let tally = Tally::default();
    metrics.register_more(|registry| {
        registry.register(
            "reconciliations",
            "Times that sums were compared with the ledger's rows",
            tally.runs.clone(),
        );
        let failed = "Times that sums could not be compared with the ledger's rows";
        registry.register("reconciliations_failed", failed, tally.failures.clone());
        let drift = "By how much money sums differ from the ledger's rows";
        registry.register("ledger_drift_nanodollars", drift, tally.drift.clone());
        registry.register("ledger_drifts", "Sums that differ from the ledger's rows", tally.drifts.clone());
    });
    let mut task = JoinSet::new();
    let (control, pulse) = (Arc::clone(control), Arc::clone(pulse));
    let mut rounds =
        Rounds { control, pulse, tally, count: 0, debt: Duration::ZERO, walk: None, whole: Reconciliation::default() };
    task.spawn(async move {
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            rounds.go().await;
        }
    });
    task
}

/// The rounds, and what is owed for them.
struct Rounds {
    control: Arc<Control>,
    pulse: Arc<Pulse>,
    tally: Tally,
    /// Rounds so far.
    count: u64,
    /// What rounds have taken beyond their share.
    debt: Duration,
    /// The way through everything, while there is one to go.
    walk: Option<Walk>,
    /// What the last way through everything found.
    whole: Reconciliation,
}

impl Rounds {
    /// What was touched lately, and a part of everything. After a round that took long, some are left out.
    async fn go(&mut self) {
        if self.debt > SHARE {
            self.debt -= SHARE;
            return;
        }
        let begun = Instant::now();
        if self.count.is_multiple_of(ROUNDS_PER_HOUR) && self.walk.is_none() {
            self.walk = Some(Walk::through(&self.control.whole_span(None), self.control.now()));
        }
        self.count += 1;
        self.look_at_what_was_touched().await;
        while let Some(walk) = self.walk.take() {
            self.walk = self.go_on(walk).await;
            if self.debt + begun.elapsed() >= SHARE {
                break;
            }
        }
        self.debt = (self.debt + begun.elapsed()).saturating_sub(SHARE);
    }

    async fn look_at_what_was_touched(&self) {
        let now = self.control.now();
        let query = ReconcileQuery { since: now.minus(TOUCHED_SPAN), until: now.plus(EVERY), everything: false };
        match self.control.reconcile(query).await {
            // A round over an hour that finds nothing takes back what such a round found, not what one over everything did.
            Ok(found) if found.drifts.is_empty() => self.tell(&self.whole),
            Ok(found) => self.tell(&found),
            Err(error) => self.fail(&error),
        }
    }

    /// One part of everything. Gives the rest of the way, if there is any.
    async fn go_on(&mut self, mut walk: Walk) -> Option<Walk> {
        let begun = Instant::now();
        let compared = self.control.reconcile_rows(walk.part()).await;
        match compared {
            Ok(found) => walk.pass(found, begun.elapsed()),
            Err(error) => {
                self.fail(&error);
                return None;
            }
        }
        if !walk.is_over() {
            return Some(walk);
        }
        match self.control.reconcile_balances().await {
            Ok(balances) => {
                walk.found.absorb(balances);
                self.tell(&walk.found);
                self.whole = walk.found;
            }
            Err(error) => self.fail(&error),
        }
        None
    }

    fn tell(&self, found: &Reconciliation) {
        self.tally.runs.inc();
        self.tally.drift.set(found.drift().0);
        let count = u64::try_from(found.drifts.len()).unwrap_or(u64::MAX).saturating_add(found.more_drifts);
        self.tally.drifts.set(i64::try_from(count).unwrap_or(i64::MAX));
        self.pulse.note_drift(sentence(found));
    }

    fn fail(&self, error: &AdminError) {
        self.tally.failures.inc();
        tracing::warn!(%error, "the ledger's sums could not be compared with its rows");
    }
}

/// The way through everything, from the latest rows back, in parts none of which keeps its picture of the database for
/// long.
struct Walk {
    since: Timestamp,
    /// What is later was compared.
    until: Timestamp,
    /// Where the next part begins.
    from: Timestamp,
    length: Duration,
    found: Reconciliation,
}

impl Walk {
    /// The first part goes back for an hour, and ahead to the end: a clock that was set back leaves rows there.
    fn through(span: &ReconcileQuery, now: Timestamp) -> Self {
        let length = TOUCHED_SPAN;
        let from = beginning(now.minus(length)).max(span.since);
        Self { since: span.since, until: span.until, from, length, found: Reconciliation::default() }
    }

    const fn part(&self) -> ReconcileQuery {
        ReconcileQuery { since: self.from, until: self.until, everything: true }
    }

    /// That part is compared. The next one is longer where there are few rows, and shorter where there are many.
    fn pass(&mut self, found: Reconciliation, took: Duration) {
        self.found.absorb(found);
        self.length = match took {
            took if took < QUICK => (self.length * 2).min(LONGEST_PART),
            took if took > SLOW => (self.length / 2).max(QUARTER),
            _ => self.length,
        };
        self.until = self.from;
        self.from = beginning(self.until.minus(self.length)).max(self.since);
    }

    fn is_over(&self) -> bool {
        self.until <= self.since
    }
}

/// The quarter of an hour that a moment lies in: sums are kept by them.
fn beginning(moment: Timestamp) -> Timestamp {
    let into = moment.unix_millis().rem_euclid(i64::try_from(QUARTER.as_millis()).unwrap_or(i64::MAX));
    moment.minus(Duration::from_millis(into.unsigned_abs()))
}

/// What `status` says; `None` while everything agrees.
fn sentence(found: &Reconciliation) -> Option<String> {
    let first = found.drifts.first()?;
    let count = u64::try_from(found.drifts.len()).unwrap_or(u64::MAX).saturating_add(found.more_drifts);
    Some(format!(
        "The ledger's sums do not agree with its rows in {count} places, {} USD all together; the first is {}. \
         Nothing was changed: run `keyward usage reconcile`, keep a copy of the home and report it.",
        found.drift().to_string().trim_start_matches('$'),
        drift_named(first)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goes all the way; each part takes what `took` says of its length.
    fn parts(span: &ReconcileQuery, now: Timestamp, took: impl Fn(Duration) -> Duration) -> Vec<ReconcileQuery> {
        let (mut walk, mut parts) = (Walk::through(span, now), Vec::new());
        while !walk.is_over() {
            let part = walk.part();
            assert!(part.since < part.until, "{part:?}");
            walk.pass(Reconciliation::default(), took(part.until.since(part.since)));
            parts.push(part);
        }
        parts
    }

    fn span(now: Timestamp) -> ReconcileQuery {
        let days = Duration::from_hours(400 * 24);
        ReconcileQuery { since: now.minus(days), until: now.plus(days), everything: true }
    }

    #[test]
    fn the_parts_are_the_whole_and_none_overlap() {
        let now = Timestamp::from_unix_millis(1_763_640_123_456);
        let whole = span(now);
        for took in [Duration::ZERO, QUICK, SLOW, SLOW * 9] {
            let parts = parts(&whole, now, |_| took);
            assert_eq!((parts[0].until, parts.last().unwrap().since), (whole.until, whole.since));
            for pair in parts.windows(2) {
                assert_eq!(pair[1].until, pair[0].since, "{took:?}");
                assert_eq!(pair[0].since, beginning(pair[0].since), "sums are kept by quarters of an hour");
            }
        }
    }

    #[test]
    fn parts_are_long_where_there_is_little_and_short_where_there_is_much() {
        let now = Timestamp::from_unix_millis(1_763_640_000_000);
        assert!(parts(&span(now), now, |_| Duration::ZERO).len() < 70);
        // A millisecond for each minute of the ledger: no part takes much longer than it should.
        let per_minute = |length: Duration| Duration::from_millis(length.as_secs() / 60);
        let parts = parts(&span(now), now, per_minute);
        assert!(parts.iter().skip(1).all(|part| per_minute(part.until.since(part.since)) <= SLOW * 2));
    }
}
