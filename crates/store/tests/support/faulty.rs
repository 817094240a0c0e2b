//! A store that takes no ledger rows until a moment of the manual clock.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use keyward_domain::audit::{AuditDraft, AuditEntry};
use keyward_domain::binding::Binding;
use keyward_domain::call_name::NamedCall;
use keyward_domain::ids::{InstallId, RequestId};
use keyward_domain::lease::Lease;
use keyward_domain::ledger::{
    Entry, EntryFilter, ReconcileQuery, Reconciliation, Refusal, RequestFilter, RequestRow, Spend, SpendQuery,
    UsageQuery, UsageRow,
};
use keyward_domain::port::{Change, Clock, LedgerTotals, Records, Store, StoreError, VaultRecord};
use keyward_domain::standing::{KeyEvent, KeyEventFilter, KeyStanding};
use keyward_domain::time::Timestamp;
use keyward_store::memory::MemoryStore;

use super::ManualClock;

/// A test that waits longer than this has failed.
const PATIENCE: Duration = Duration::from_secs(30);

pub struct FaultyStore {
    inner: MemoryStore,
    clock: Arc<ManualClock>,
    back_at: Timestamp,
    /// Whether a refused batch was written all the same: a commit whose answer was lost.
    writes_and_fails: bool,
    refused: Mutex<u32>,
    changed: Condvar,
}

impl FaultyStore {
    pub fn down_until(clock: &Arc<ManualClock>, back_at: Timestamp) -> Arc<Self> {
        Arc::new(Self::new(clock, back_at, false))
    }

    pub fn losing_answers_until(clock: &Arc<ManualClock>, back_at: Timestamp) -> Arc<Self> {
        Arc::new(Self::new(clock, back_at, true))
    }

    /// Never takes a row.
    pub fn down(clock: &Arc<ManualClock>) -> Arc<Self> {
        Self::down_until(clock, Timestamp::from_unix_millis(i64::MAX))
    }

    fn new(clock: &Arc<ManualClock>, back_at: Timestamp, writes_and_fails: bool) -> Self {
        Self {
            inner: MemoryStore::new(),
            clock: clock.clone(),
            back_at,
            writes_and_fails,
            refused: Mutex::new(0),
            changed: Condvar::new(),
        }
    }

    /// Waits until so many batches were refused.
    pub fn wait_for_refusals(&self, wanted: u32) {
        let count = self.refused.lock().unwrap();
        let (seen, timeout) = self.changed.wait_timeout_while(count, PATIENCE, |so_far| *so_far < wanted).unwrap();
        assert!(!timeout.timed_out(), "only {seen} of {wanted} tries came");
    }
}

impl Store for FaultyStore {
    fn append(&self, entries: &[Entry], refusals: &[Refusal]) -> Result<Vec<bool>, StoreError> {
        if self.clock.now() >= self.back_at {
            return self.inner.append(entries, refusals);
        }
        if self.writes_and_fails {
            self.inner.append(entries, refusals)?;
        }
        *self.refused.lock().unwrap() += 1;
        self.changed.notify_all();
        Err(StoreError::Failed("the disk is full".to_owned()))
    }

    fn load(&self) -> Result<Records, StoreError> {
        self.inner.load()
    }

    fn commit(&self, changes: &[Change], audit: &AuditDraft) -> Result<u64, StoreError> {
        self.inner.commit(changes, audit)
    }

    fn found(&self, install: InstallId, vault: &[VaultRecord], audit: &AuditDraft) -> Result<(), StoreError> {
        self.inner.found(install, vault, audit)
    }

    fn correct(&self, corrections: &[Entry], audit: &AuditDraft) -> Result<(), StoreError> {
        self.inner.correct(corrections, audit)
    }

    fn spend(&self, query: &SpendQuery) -> Result<Vec<Spend>, StoreError> {
        self.inner.spend(query)
    }

    fn requests(&self, filter: &RequestFilter) -> Result<Vec<RequestRow>, StoreError> {
        self.inner.requests(filter)
    }

    fn request(&self, id: RequestId) -> Result<Option<RequestRow>, StoreError> {
        self.inner.request(id)
    }

    fn entries(&self, filter: &EntryFilter) -> Result<Vec<Entry>, StoreError> {
        self.inner.entries(filter)
    }

    fn usage(&self, query: &UsageQuery) -> Result<Vec<UsageRow>, StoreError> {
        self.inner.usage(query)
    }

    fn reconcile(&self, query: &ReconcileQuery) -> Result<Reconciliation, StoreError> {
        self.inner.reconcile(query)
    }

    fn audit(&self, before: Option<u64>, limit: u32) -> Result<Vec<AuditEntry>, StoreError> {
        self.inner.audit(before, limit)
    }

    fn ledger_totals(&self) -> Result<LedgerTotals, StoreError> {
        self.inner.ledger_totals()
    }

    fn standings(&self) -> Result<Vec<KeyStanding>, StoreError> {
        self.inner.standings()
    }

    fn put_standings(&self, events: &[KeyEvent]) -> Result<(), StoreError> {
        self.inner.put_standings(events)
    }

    fn key_events(&self, filter: &KeyEventFilter) -> Result<Vec<(u64, KeyEvent)>, StoreError> {
        self.inner.key_events(filter)
    }

    fn forget_key_events(&self, before: Timestamp) -> Result<(), StoreError> {
        self.inner.forget_key_events(before)
    }

    fn put_bindings(&self, bindings: &[Binding]) -> Result<(), StoreError> {
        self.inner.put_bindings(bindings)
    }

    fn bindings(&self, limit: u32) -> Result<Vec<Binding>, StoreError> {
        self.inner.bindings(limit)
    }

    fn forget_bindings(&self, before: Timestamp) -> Result<(), StoreError> {
        self.inner.forget_bindings(before)
    }

    fn put_lease(&self, lease: &Lease, audit: Option<&AuditDraft>) -> Result<(), StoreError> {
        self.inner.put_lease(lease, audit)
    }

    fn lease(&self, id: RequestId) -> Result<Option<Lease>, StoreError> {
        self.inner.lease(id)
    }

    fn open_leases(&self) -> Result<Vec<Lease>, StoreError> {
        self.inner.open_leases()
    }

    fn forget_leases(&self, before: Timestamp) -> Result<(), StoreError> {
        self.inner.forget_leases(before)
    }

    fn named_calls(&self, since: Timestamp, limit: u32) -> Result<Vec<NamedCall>, StoreError> {
        self.inner.named_calls(since, limit)
    }

    fn forget_named_calls(&self, before: Timestamp) -> Result<(), StoreError> {
        self.inner.forget_named_calls(before)
    }
}
