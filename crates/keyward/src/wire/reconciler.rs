//! Compares the ledger's sums with its rows: each minute what was touched since, each hour everything. What differs is an
//! error in the log, a metric, and a line in `status` and `doctor`; it is never put right in silence.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use keyward_admin::control::{Control, drift_named};
use keyward_domain::ledger::{ReconcileQuery, Reconciliation};
use keyward_gateway::Metrics;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use super::live::Pulse;

/// How often what was touched is compared.
const EVERY: Duration = Duration::from_mins(1);
/// Everything is compared in each of so many rounds.
const ROUNDS_PER_HOUR: u64 = 60;
/// How far back rows are looked for each minute: calls that began then may have ended since.
const TOUCHED_SPAN: Duration = Duration::from_hours(1);

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
    task.spawn(async move {
        let mut rounds = tokio::time::interval(EVERY);
        rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for round in 0_u64.. {
            rounds.tick().await;
            let whole = round % ROUNDS_PER_HOUR == 0;
            go_round(&control, &pulse, &tally, whole).await;
        }
    });
    task
}

async fn go_round(control: &Control, pulse: &Pulse, tally: &Tally, whole: bool) {
    let now = control.now();
    let query = if whole {
        control.whole_span(None)
    } else {
        ReconcileQuery { since: now.minus(TOUCHED_SPAN), until: now.plus(EVERY), everything: false }
    };
    match control.reconcile(query).await {
        Ok(found) => {
            tally.runs.inc();
            // A round over an hour that finds nothing does not take back what one over everything found.
            if whole || !found.drifts.is_empty() {
                tally.drift.set(found.drift().0);
                let count = u64::try_from(found.drifts.len()).unwrap_or(u64::MAX).saturating_add(found.more_drifts);
                tally.drifts.set(i64::try_from(count).unwrap_or(i64::MAX));
                pulse.note_drift(sentence(&found));
            }
        }
        Err(error) => {
            tally.failures.inc();
            tracing::warn!(%error, "the ledger's sums could not be compared with its rows");
        }
    }
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
