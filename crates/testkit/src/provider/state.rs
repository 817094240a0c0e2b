//! What the provider knows, shared between its thread and the test.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use tokio::sync::{Semaphore, watch};

use super::bill::BillLine;
use super::fault::Script;
use super::key::ProviderKey;
use super::prompt::PrefixCache;
use super::record::Log;
use super::vendor::Vendor;

/// Everything behind the lock.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) keys: Vec<ProviderKey>,
    pub(crate) models: BTreeSet<(Vendor, String)>,
    pub(crate) script: Script,
    pub(crate) cache: PrefixCache,
    pub(crate) log: Log,
    /// Has no bound: a bill with lines left out would lie, and a test makes as many calls as it makes.
    pub(crate) bill: Vec<BillLine>,
    /// Calls standing still at a stall.
    pub(crate) stalled: u64,
    /// Streams waiting for a step.
    pub(crate) stepping: u64,
    pub(crate) connections_open: u64,
    pub(crate) connections_total: u64,
}

/// The lock, and the signals around it.
#[derive(Debug)]
pub(crate) struct Shared {
    state: Mutex<State>,
    changed: watch::Sender<u64>,
    pub(crate) released: watch::Sender<u64>,
    pub(crate) steps: Semaphore,
    pub(crate) started: Instant,
}

impl Shared {
    pub(crate) fn new() -> Self {
        Self {
            state: Mutex::new(State::default()),
            changed: watch::Sender::new(0),
            released: watch::Sender::new(0),
            steps: Semaphore::new(0),
            started: Instant::now(),
        }
    }

    pub(crate) fn read<R>(&self, look: impl FnOnce(&State) -> R) -> R {
        look(&self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes the state and wakes everybody who waits for a condition.
    pub(crate) fn write<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        let result = change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.send_modify(|version| *version += 1);
        result
    }

    /// Waits until the state fits; checked after every change, so nothing is missed and nobody sleeps.
    pub(crate) async fn until(&self, fits: impl Fn(&State) -> bool) {
        let mut changes = self.changed.subscribe();
        while !self.read(&fits) {
            // The sender lives as long as `self`.
            if changes.changed().await.is_err() {
                return;
            }
        }
    }
}
