//! The store that forgets: the same behaviour as [`crate::sqlite`], for as long as the process lives.

mod change;
mod ledger;

use std::sync::{Mutex, MutexGuard, PoisonError};

use keyward_domain::audit::{AuditDraft, AuditEntry};
use keyward_domain::ids::{InstallId, RequestId};
use keyward_domain::ledger::{Entry, Refusal, RequestFilter, RequestRow, UsageQuery, UsageRow};
use keyward_domain::port::{Change, LedgerTotals, Records, Store, StoreError, VaultRecord};

use self::ledger::Ledger;
use crate::change::INSTALLATION;
use crate::page;

/// Everything in memory. Grows with the ledger: for demos and tests, not for months.
#[derive(Debug, Default)]
pub struct MemoryStore {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    records: Records,
    audit: Vec<AuditEntry>,
    ledger: Ledger,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// What ends every transaction. Nothing of it can fail.
    fn accept(&mut self, mut records: Records, draft: &AuditDraft) -> u64 {
        records.revision += 1;
        self.records = records;
        self.audit.push(AuditEntry {
            seq: self.audit.last().map_or(1, |last| last.seq + 1),
            id: draft.id,
            at: draft.at,
            actor: draft.actor.clone(),
            tenant: draft.tenant,
            action: draft.action.to_owned(),
            object: draft.object.clone(),
            outcome: draft.outcome,
            detail: draft.detail.clone(),
        });
        self.records.revision
    }
}

impl Store for MemoryStore {
    fn load(&self) -> Result<Records, StoreError> {
        Ok(self.state().records.clone())
    }

    fn commit(&self, changes: &[Change], audit: &AuditDraft) -> Result<u64, StoreError> {
        let mut state = self.state();
        let mut records = state.records.clone();
        for change in changes {
            change::apply(&mut records, change)?;
        }
        Ok(state.accept(records, audit))
    }

    fn found(&self, install: InstallId, vault: &[VaultRecord], audit: &AuditDraft) -> Result<(), StoreError> {
        let mut state = self.state();
        if state.records.install.is_some() {
            return Err(StoreError::Conflict(INSTALLATION.to_owned()));
        }
        let mut records = state.records.clone();
        records.install = Some(install);
        for record in vault {
            change::apply(&mut records, &Change::PutVault(record.clone()))?;
        }
        state.accept(records, audit);
        Ok(())
    }

    fn append(&self, entries: &[Entry], refusals: &[Refusal]) -> Result<(), StoreError> {
        self.state().ledger.append(entries, refusals);
        Ok(())
    }

    fn requests(&self, filter: &RequestFilter) -> Result<Vec<RequestRow>, StoreError> {
        Ok(self.state().ledger.requests(filter))
    }

    fn request(&self, id: RequestId) -> Result<Option<RequestRow>, StoreError> {
        Ok(self.state().ledger.request(id))
    }

    fn usage(&self, query: &UsageQuery) -> Result<Vec<UsageRow>, StoreError> {
        Ok(self.state().ledger.usage(query))
    }

    fn audit(&self, before: Option<u64>, limit: u32) -> Result<Vec<AuditEntry>, StoreError> {
        let state = self.state();
        let older = state.audit.iter().rev().filter(|entry| before.is_none_or(|before| entry.seq < before));
        Ok(older.take(usize::try_from(page::length(limit)).unwrap_or(usize::MAX)).cloned().collect())
    }

    fn ledger_totals(&self) -> Result<LedgerTotals, StoreError> {
        Ok(self.state().ledger.totals())
    }
}
