//! A store that takes no ledger rows until a moment of the manual clock.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use keyward_domain::hand_on;
use keyward_domain::ledger::{Entry, Refusal};
use keyward_domain::port::{Clock, Store, StoreError};
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

    hand_on!(
        inner:
        load, commit, found, correct, spend, requests, request, entries, usage, reconcile, audit,
        ledger_totals, credential_spend, standings, put_standings, key_events, forget_key_events,
        put_bindings, bindings, forget_bindings, put_lease, lease, open_leases, forget_leases, named_calls,
        forget_named_calls,
    );
}
