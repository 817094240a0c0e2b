//! The store that forgets: the same behaviour as [`crate::sqlite`], for as long as the process lives.

mod change;
mod escrow;
mod ledger;
mod pools;
mod tenancy;

use std::sync::{Mutex, MutexGuard, PoisonError};

use keyward_domain::audit::{AuditDraft, AuditEntry};
use keyward_domain::binding::Binding;
use keyward_domain::call_name::NamedCall;
use keyward_domain::ids::{InstallId, RequestId};
use keyward_domain::lease::Lease;
use keyward_domain::ledger::{
    Entry, EntryFilter, ReconcileQuery, Reconciliation, Refusal, RequestFilter, RequestRow, Spend, SpendQuery,
    UsageQuery, UsageRow,
};
use keyward_domain::port::{Change, LedgerTotals, Records, Store, StoreError, VaultRecord};
use keyward_domain::standing::{KeyEvent, KeyEventFilter, KeyStanding};
use keyward_domain::time::Timestamp;

use self::ledger::Ledger;
use self::pools::Pools;
use crate::change::{INSTALLATION, correction_noun};
use crate::{page, report};

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
    pools: Pools,
    escrow: escrow::Held,
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
    /// What ends every change of the configuration. Nothing of it can fail.
    fn accept(&mut self, mut records: Records, draft: &AuditDraft) -> u64 {
        records.revision += 1;
        self.records = records;
        self.tell(draft);
        self.records.revision
    }

    fn tell(&mut self, draft: &AuditDraft) {
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
        for change in changes {
            if let Change::RemoveCredential(id) = change {
                state.pools.remove_standings(*id);
            }
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

    fn append(&self, entries: &[Entry], refusals: &[Refusal]) -> Result<Vec<bool>, StoreError> {
        Ok(self.state().ledger.append(entries, refusals))
    }

    fn correct(&self, corrections: &[Entry], audit: &AuditDraft) -> Result<(), StoreError> {
        let mut state = self.state();
        if let Some(known) = corrections.iter().find(|entry| state.ledger.has(entry)) {
            return Err(StoreError::Conflict(correction_noun(known)));
        }
        state.ledger.append(corrections, &[]);
        state.tell(audit);
        Ok(())
    }

    fn spend(&self, query: &SpendQuery) -> Result<Vec<Spend>, StoreError> {
        Ok(self.state().ledger.spend(query))
    }

    fn requests(&self, filter: &RequestFilter) -> Result<Vec<RequestRow>, StoreError> {
        Ok(self.state().ledger.requests(filter))
    }

    fn request(&self, id: RequestId) -> Result<Option<RequestRow>, StoreError> {
        Ok(self.state().ledger.request(id))
    }

    fn entries(&self, filter: &EntryFilter) -> Result<Vec<Entry>, StoreError> {
        Ok(self.state().ledger.entries(filter))
    }

    fn usage(&self, query: &UsageQuery) -> Result<Vec<UsageRow>, StoreError> {
        report::of_rows(self, query)
    }

    fn reconcile(&self, query: &ReconcileQuery) -> Result<Reconciliation, StoreError> {
        Ok(self.state().ledger.reconcile(query))
    }

    fn audit(&self, before: Option<u64>, limit: u32) -> Result<Vec<AuditEntry>, StoreError> {
        let state = self.state();
        let older = state.audit.iter().rev().filter(|entry| before.is_none_or(|before| entry.seq < before));
        Ok(older.take(usize::try_from(page::length(limit)).unwrap_or(usize::MAX)).cloned().collect())
    }

    fn ledger_totals(&self) -> Result<LedgerTotals, StoreError> {
        Ok(self.state().ledger.totals())
    }

    fn standings(&self) -> Result<Vec<KeyStanding>, StoreError> {
        Ok(self.state().pools.standings())
    }

    fn put_standings(&self, events: &[KeyEvent]) -> Result<(), StoreError> {
        self.state().pools.put_standings(events);
        Ok(())
    }

    fn key_events(&self, filter: &KeyEventFilter) -> Result<Vec<(u64, KeyEvent)>, StoreError> {
        Ok(self.state().pools.key_events(filter))
    }

    fn forget_key_events(&self, before: Timestamp) -> Result<(), StoreError> {
        self.state().pools.forget_key_events(before);
        Ok(())
    }

    fn put_bindings(&self, bindings: &[Binding]) -> Result<(), StoreError> {
        self.state().pools.put_bindings(bindings);
        Ok(())
    }

    fn bindings(&self, limit: u32) -> Result<Vec<Binding>, StoreError> {
        Ok(self.state().pools.bindings(limit))
    }

    fn forget_bindings(&self, before: Timestamp) -> Result<(), StoreError> {
        self.state().pools.forget_bindings(before);
        Ok(())
    }

    fn put_lease(&self, lease: &Lease, audit: Option<&AuditDraft>) -> Result<(), StoreError> {
        let mut state = self.state();
        if state.pools.put_lease(lease)?
            && let Some(draft) = audit
        {
            state.tell(draft);
        }
        Ok(())
    }

    fn lease(&self, id: RequestId) -> Result<Option<Lease>, StoreError> {
        Ok(self.state().pools.lease(id))
    }

    fn open_leases(&self) -> Result<Vec<Lease>, StoreError> {
        Ok(self.state().pools.open_leases())
    }

    fn forget_leases(&self, before: Timestamp) -> Result<(), StoreError> {
        self.state().pools.forget_leases(before);
        Ok(())
    }

    fn named_calls(&self, since: Timestamp, limit: u32) -> Result<Vec<NamedCall>, StoreError> {
        Ok(self.state().ledger.named_calls(since, limit))
    }

    fn forget_named_calls(&self, before: Timestamp) -> Result<(), StoreError> {
        self.state().ledger.forget_named_calls(before);
        Ok(())
    }
}
