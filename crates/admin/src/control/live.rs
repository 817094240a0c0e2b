use std::collections::BTreeMap;
use std::time::Duration;

use keyward_domain::ledger::Drift;
use keyward_domain::port::{Durability, StoreError};

/// What the running server knows about itself, for `status`. Reads only.
pub trait Live: Send + Sync {
    /// How things are right now.
    fn picture(&self) -> LivePicture;

    /// Where the balances that refuse calls do not agree with what the ledger's sums say. Blocks, though not for long;
    /// nothing is appended to the ledger meanwhile. None where no balances are kept.
    fn balance_drifts(&self) -> Result<Vec<Drift>, StoreError> {
        Ok(Vec::new())
    }
}

/// The running server in a few figures.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LivePicture {
    /// Whether a server runs in this process; `false` for the command line working on a stopped installation.
    pub serving: bool,
    /// How long it has been running.
    pub uptime: Duration,
    /// Calls in progress.
    pub in_flight: u64,
    /// Whether it is finishing what it has and takes nothing new.
    pub draining: bool,
    /// The configuration revision that the data plane works with.
    pub snapshot_revision: u64,
    /// The ledger's journal.
    pub journal: JournalPicture,
    /// Answers that no rule knew, by provider, since it began: they were judged by their status alone.
    pub unknown_answers: BTreeMap<String, u64>,
    /// Sentences about what is wrong and what to do, such as a config file that could not be loaded.
    pub warnings: Vec<String>,
}

/// The ledger's journal in a few figures.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JournalPicture {
    /// What an acknowledged row survives.
    pub durability: Durability,
    /// Why nothing can be written; `None` while all is well.
    pub failure: Option<String>,
    /// Rows written that the store has not taken over yet.
    pub pending_rows: u64,
}
