//! Sums compared with rows, and balances with both. Whatever differs is an alarm; nothing is put right in silence.

use std::time::Duration;

use keyward_domain::ledger::{Drift, ReconcileQuery, Reconciliation};
use keyward_domain::time::Timestamp;

use super::Control;
use crate::error::AdminError;

/// Differences that one run writes to the log; the answer has more of them.
const LOGGED: usize = 10;

/// How far back everything is compared each hour: longer than the longest window by the calendar.
pub const RECONCILED_SPAN: Duration = Duration::from_hours(400 * 24);

impl Control {
    /// Compares sums with rows, and the balances that refuse with the sums.
    pub async fn reconcile(&self, query: ReconcileQuery) -> Result<Reconciliation, AdminError> {
        let mut found = self.reconcile_rows(query).await?;
        found.absorb(self.reconcile_balances().await?);
        Ok(found)
    }

    /// Compares sums with rows.
    pub async fn reconcile_rows(&self, query: ReconcileQuery) -> Result<Reconciliation, AdminError> {
        let found = self.read(move |store| store.reconcile(&query)).await?;
        alarm(&found);
        Ok(found)
    }

    /// Compares the balances that refuse with the sums.
    pub async fn reconcile_balances(&self) -> Result<Reconciliation, AdminError> {
        let live = std::sync::Arc::clone(&self.ports.live);
        let balances = tokio::task::spawn_blocking(move || live.balance_drifts()).await;
        let mut found = Reconciliation::default();
        for drift in balances.map_err(|error| super::thread_died(&error))?? {
            found.note(|| drift);
        }
        alarm(&found);
        Ok(found)
    }

    /// Everything of the span, up to now.
    pub fn whole_span(&self, since: Option<Timestamp>) -> ReconcileQuery {
        let now = self.now();
        let since = since.unwrap_or_else(|| now.minus(RECONCILED_SPAN));
        // Rows of a clock that was set back meanwhile may lie ahead.
        ReconcileQuery { since, until: now.plus(RECONCILED_SPAN), everything: true }
    }
}

fn alarm(found: &Reconciliation) {
    for drift in found.drifts.iter().take(LOGGED) {
        tracing::error!(
            scope = %named(drift),
            rows_nanodollars = drift.rows.cost.0,
            kept_nanodollars = drift.kept.cost.0,
            rows_attempts = drift.rows.attempts,
            kept_attempts = drift.kept.attempts,
            "what is kept does not agree with the rows of the ledger: nothing was changed"
        );
    }
}

/// What differs, in words.
pub fn named(drift: &Drift) -> String {
    let scope = drift.scope.as_ref().map_or_else(|| "reports".to_owned(), ToString::to_string);
    match drift.budget {
        Some(budget) => format!("{scope}, balance of {budget}"),
        None => scope,
    }
}
