//! The store as everybody who spends has it: whoever adds rows to the ledger moves the balances in the same turn.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use keyward_domain::audit::{AuditDraft, AuditEntry};
use keyward_domain::binding::Binding;
use keyward_domain::call_name::NamedCall;
use keyward_domain::ids::{InstallId, RequestId};
use keyward_domain::lease::Lease;
use keyward_domain::ledger::{
    Entry, EntryFilter, ReconcileQuery, Reconciliation, Refusal, RequestFilter, RequestRow, Spend, SpendQuery,
    UsageQuery, UsageRow,
};
use keyward_domain::port::{Change, CredentialSpend, LedgerTotals, Records, Store, StoreError, VaultRecord};
use keyward_domain::standing::{KeyEvent, KeyEventFilter, KeyStanding};
use keyward_domain::time::Timestamp;

use super::{Book, Budgets, Difference};

/// A store whose new ledger rows move the balances of a book. Everything else goes straight through.
pub struct Booked {
    store: Arc<dyn Store>,
    book: Arc<Book>,
    /// INVARIANT: nobody adds rows between reading what was spent and taking it over, so that no row counts twice or not
    /// at all (test `a_new_budget_knows_every_row_once`).
    turn: Mutex<()>,
}

impl Booked {
    /// This store, with these balances.
    pub fn over(store: Arc<dyn Store>, book: Arc<Book>) -> Self {
        Self { store, book, turn: Mutex::default() }
    }

    /// Reads what was spent under budgets that nobody asked for before. To be called before calls meet them.
    pub fn fill(&self, budgets: &Budgets, now: Timestamp) -> Result<(), StoreError> {
        let _turn = self.turn();
        for filling in self.book.unfilled(budgets, now) {
            let rows = self.store.spend(&filling.query())?;
            filling.fill(&rows);
        }
        Ok(())
    }

    /// Compares every balance of these budgets with the ledger; empty when they agree.
    pub fn check(&self, budgets: &Budgets, now: Timestamp) -> Result<Vec<Difference>, StoreError> {
        let mut differences = Vec::new();
        for reading in self.book.readings(budgets, now) {
            let _turn = self.turn();
            let rows = self.store.spend(&reading.query())?;
            differences.extend(reading.check(&rows));
        }
        Ok(differences)
    }

    fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for Booked {
    fn append(&self, entries: &[Entry], refusals: &[Refusal]) -> Result<Vec<bool>, StoreError> {
        let _turn = self.turn();
        let new = self.store.append(entries, refusals)?;
        self.book.projected(entries.iter().zip(&new).filter(|(_, is_new)| **is_new).map(|(entry, _)| entry));
        Ok(new)
    }

    fn correct(&self, corrections: &[Entry], audit: &AuditDraft) -> Result<(), StoreError> {
        let _turn = self.turn();
        self.store.correct(corrections, audit)?;
        self.book.projected(corrections);
        Ok(())
    }

    fn load(&self) -> Result<Records, StoreError> {
        self.store.load()
    }

    fn commit(&self, changes: &[Change], audit: &AuditDraft) -> Result<u64, StoreError> {
        self.store.commit(changes, audit)
    }

    fn found(&self, install: InstallId, vault: &[VaultRecord], audit: &AuditDraft) -> Result<(), StoreError> {
        self.store.found(install, vault, audit)
    }

    fn spend(&self, query: &SpendQuery) -> Result<Vec<Spend>, StoreError> {
        self.store.spend(query)
    }

    fn requests(&self, filter: &RequestFilter) -> Result<Vec<RequestRow>, StoreError> {
        self.store.requests(filter)
    }

    fn request(&self, id: RequestId) -> Result<Option<RequestRow>, StoreError> {
        self.store.request(id)
    }

    fn entries(&self, filter: &EntryFilter) -> Result<Vec<Entry>, StoreError> {
        self.store.entries(filter)
    }

    fn usage(&self, query: &UsageQuery) -> Result<Vec<UsageRow>, StoreError> {
        self.store.usage(query)
    }

    fn reconcile(&self, query: &ReconcileQuery) -> Result<Reconciliation, StoreError> {
        self.store.reconcile(query)
    }

    fn audit(&self, before: Option<u64>, limit: u32) -> Result<Vec<AuditEntry>, StoreError> {
        self.store.audit(before, limit)
    }

    fn ledger_totals(&self) -> Result<LedgerTotals, StoreError> {
        self.store.ledger_totals()
    }

    fn credential_spend(&self, since: Timestamp) -> Result<Vec<CredentialSpend>, StoreError> {
        self.store.credential_spend(since)
    }

    fn standings(&self) -> Result<Vec<KeyStanding>, StoreError> {
        self.store.standings()
    }

    fn put_standings(&self, events: &[KeyEvent]) -> Result<(), StoreError> {
        self.store.put_standings(events)
    }

    fn key_events(&self, filter: &KeyEventFilter) -> Result<Vec<(u64, KeyEvent)>, StoreError> {
        self.store.key_events(filter)
    }

    fn forget_key_events(&self, before: Timestamp) -> Result<(), StoreError> {
        self.store.forget_key_events(before)
    }

    fn put_bindings(&self, bindings: &[Binding]) -> Result<(), StoreError> {
        self.store.put_bindings(bindings)
    }

    fn bindings(&self, limit: u32) -> Result<Vec<Binding>, StoreError> {
        self.store.bindings(limit)
    }

    fn forget_bindings(&self, before: Timestamp) -> Result<(), StoreError> {
        self.store.forget_bindings(before)
    }

    fn put_lease(&self, lease: &Lease, audit: Option<&AuditDraft>) -> Result<(), StoreError> {
        self.store.put_lease(lease, audit)
    }

    fn lease(&self, id: RequestId) -> Result<Option<Lease>, StoreError> {
        self.store.lease(id)
    }

    fn open_leases(&self) -> Result<Vec<Lease>, StoreError> {
        self.store.open_leases()
    }

    fn forget_leases(&self, before: Timestamp) -> Result<(), StoreError> {
        self.store.forget_leases(before)
    }

    fn named_calls(&self, since: Timestamp, limit: u32) -> Result<Vec<NamedCall>, StoreError> {
        self.store.named_calls(since, limit)
    }

    fn forget_named_calls(&self, before: Timestamp) -> Result<(), StoreError> {
        self.store.forget_named_calls(before)
    }
}
