//! What this process knows about itself, for `status`.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use keyward_admin::control::{JournalPicture, Live, LivePicture};
use keyward_domain::ledger::{Drift, Figures};
use keyward_domain::port::{Clock, Durability, StoreError};
use keyward_gateway::{Metrics, SnapshotHandle};
use keyward_limit::book::{Booked, Difference};
use keyward_store::journal::FileJournals;

/// The process in a few figures. Until it serves there is little to tell.
pub struct Pulse {
    clock: Arc<dyn Clock>,
    snapshot: SnapshotHandle,
    durability: Durability,
    booked: Arc<Booked>,
    server: OnceLock<Serving>,
    draining: OnceLock<()>,
    /// What is wrong with the config file on disk, when it is not the one in effect.
    config_problem: Mutex<Option<String>>,
    /// Where the ledger's sums do not agree with its rows.
    drift: Mutex<Option<String>>,
}

/// What only a running server has.
pub struct Serving {
    /// When it began, in monotonic time.
    pub since: Duration,
    /// The data plane's counters.
    pub metrics: Arc<Metrics>,
    /// The ledger's journals.
    pub journals: Arc<FileJournals>,
}

impl Pulse {
    /// A process that does not serve yet.
    pub fn new(clock: Arc<dyn Clock>, snapshot: SnapshotHandle, durability: Durability, booked: Arc<Booked>) -> Self {
        let (server, draining) = (OnceLock::new(), OnceLock::new());
        Self {
            clock,
            snapshot,
            durability,
            booked,
            server,
            draining,
            config_problem: Mutex::default(),
            drift: Mutex::default(),
        }
    }

    /// From now on calls are served.
    pub fn begin_serving(&self, serving: Serving) {
        // A process serves once.
        let _ = self.server.set(serving);
    }

    /// From now on nothing new is taken.
    pub fn begin_draining(&self) {
        let _ = self.draining.set(());
    }

    /// Why the config file on disk is not the one in effect; `None` when it is.
    pub fn note_config(&self, problem: Option<String>) {
        *self.config_problem.lock().unwrap_or_else(PoisonError::into_inner) = problem;
    }

    /// Where the ledger's sums do not agree with its rows; `None` when they do.
    pub fn note_drift(&self, drift: Option<String>) {
        *self.drift.lock().unwrap_or_else(PoisonError::into_inner) = drift;
    }

    fn journal(&self) -> JournalPicture {
        let status = self.server.get().map(|server| server.journals.status()).unwrap_or_default();
        JournalPicture {
            durability: self.durability,
            failure: status.broken,
            pending_rows: u64::try_from(status.queued_rows).unwrap_or(u64::MAX),
        }
    }

    fn warnings(&self) -> Vec<String> {
        let problem = self.config_problem.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let config = problem.map(|what| config_warning(&what));
        let failing = self.server.get().and_then(|server| server.journals.status().failing);
        let store = failing.map(|failing| {
            format!(
                "The store refuses ledger rows ({}). They are safe in the journal; reports lag behind.",
                failing.reason
            )
        });
        let drift = self.drift.lock().unwrap_or_else(PoisonError::into_inner).clone();
        config.into_iter().chain(store).chain(drift).collect()
    }
}

/// When several things are wrong, each has a line of its own.
fn config_warning(what: &str) -> String {
    let gap = if what.contains('\n') { '\n' } else { ' ' };
    format!("The config file was not taken over, the one before stays in effect:{gap}{what}")
}

impl Live for Pulse {
    fn balance_drifts(&self) -> Result<Vec<Drift>, StoreError> {
        let differences = self.booked.check(self.snapshot.load().budgets(), self.clock.now())?;
        let of = |cost| Figures { cost, ..Figures::default() };
        let drift = |differs: Difference| Drift {
            scope: Some(differs.scope),
            budget: Some(differs.budget),
            rows: of(differs.ledger),
            kept: of(differs.book),
        };
        Ok(differences.into_iter().map(drift).collect())
    }

    fn picture(&self) -> LivePicture {
        let server = self.server.get();
        LivePicture {
            serving: server.is_some(),
            uptime: server.map(|server| self.clock.monotonic().saturating_sub(server.since)).unwrap_or_default(),
            in_flight: server.map_or(0, |server| u64::try_from(server.metrics.in_flight()).unwrap_or(0)),
            draining: self.draining.get().is_some(),
            snapshot_revision: self.snapshot.load().revision,
            journal: self.journal(),
            unknown_answers: server.map(|server| server.metrics.unknown_answers()).unwrap_or_default(),
            warnings: self.warnings(),
        }
    }
}
