//! From durable truth to what requests see: after every change, a new snapshot.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use keyward_domain::catalog::Catalog;
use keyward_domain::port::{Clock, Entropy, Records, Store as _, VaultRecord};
use keyward_gateway::{Living, Snapshot, SnapshotHandle};
use keyward_limit::book::Booked;
use keyward_pool::Moment;
use keyward_vault::Vault;

use super::counts::Counts;
use super::file_allowances::FileAllowances;
use super::file_owned::FileOwned;
use super::file_records::{Maker, lost_aliases};
use super::pool_memory::PoolMemory;
use crate::config::{Config, Environment};

/// Makes snapshots and puts them into effect.
pub struct Publisher {
    /// Durable truth with the file's objects over it.
    pub store: Arc<FileOwned>,
    /// What models cost where the operator said nothing else.
    pub catalog: Arc<Catalog>,
    /// Seals the file's keys, verifies tokens.
    pub vault: Arc<Vault>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub entropy: Arc<dyn Entropy>,
    /// Where the data plane looks.
    pub snapshot: SnapshotHandle,
    /// What is known of every provider key.
    pub pools: Arc<PoolMemory>,
    /// The store as those who spend have it.
    pub booked: Arc<Booked>,
    /// What was spent and used.
    pub counts: Arc<Counts>,
    /// The environment, which the file's references may name.
    pub environment: Environment,
    /// The config in effect.
    pub config: Mutex<Arc<Config>>,
    /// Whether the file's keys wait for the vault.
    pub waiting: AtomicBool,
    /// The vault's records as the vault knows them. Who holds this publishes: one at a time.
    pub known_vault: Mutex<Vec<VaultRecord>>,
}

impl Publisher {
    /// Lets calls meet a new picture: what its budgets have spent is read first.
    fn take_effect(&self, next: Snapshot) {
        if let Err(error) = self.booked.fill(next.budgets(), self.clock.now()) {
            // A budget that is not known lets nothing pass.
            tracing::error!(%error, "what budgets have spent could not be read; calls that they apply to are refused");
        }
        self.snapshot.publish(next);
        let now = self.snapshot.load();
        self.counts.counting.book.retain(now.budgets());
        self.counts.in_process.keep(now.limits());
    }

    /// Puts the present truth into effect. Called after every commit, and when the vault was locked or unlocked.
    pub fn publish(&self) {
        // INVARIANT: nothing that was acknowledged is ever undone (test `edits_at_the_same_time_are_all_in_effect`).
        // Two commits publish from two threads; reading inside the turn makes the later one see both.
        let mut known_vault = self.known_vault.lock().unwrap_or_else(PoisonError::into_inner);
        if self.waiting.load(Ordering::Acquire) && !self.vault.is_locked() {
            let config = Arc::clone(&self.config.lock().unwrap_or_else(PoisonError::into_inner));
            if let Err(wrong) = self.take_file(&config) {
                tracing::error!(problems = %wrong.join("; "), "the config file's providers could not be put to use");
            }
        }
        match self.store.load() {
            Ok(records) => {
                self.tell_vault(&mut known_vault, &records);
                let moment = Moment::new(self.clock.now(), self.clock.monotonic());
                let registry = &self.pools.registry;
                let unknown_price = self.config.lock().unwrap_or_else(PoisonError::into_inner).unknown_price;
                let living = Living { catalog: &self.catalog, vault: &self.vault, registry, moment, unknown_price };
                self.take_effect(Snapshot::build(&records, &living));
                self.pools.keep_only(records.providers.iter().map(|provider| provider.id).collect());
            }
            // The old snapshot stays: known keys go on working while the store is away.
            Err(error) => {
                tracing::error!(%error, "the store could not be read; the configuration before stays in effect");
            }
        }
    }

    /// Takes over what the config file owns; on any mistake nothing changes. While the vault is locked the file's keys
    /// wait for it.
    pub fn take_file(&self, config: &Arc<Config>) -> Result<(), Vec<String>> {
        let owns_keys = config.providers.iter().any(|provider| provider.keys.iter().any(|key| key.reference.is_some()));
        if owns_keys && self.vault.is_locked() {
            self.waiting.store(true, Ordering::Release);
        } else {
            let maker = Maker {
                vault: &self.vault,
                entropy: self.entropy.as_ref(),
                now: self.clock.now(),
                environment: self.environment.all(),
            };
            let mut stored = self.store.stored().map_err(|error| vec![error.to_string()])?;
            let lost = lost_aliases(config, &stored.providers);
            let mut records = match maker.records(config) {
                Ok(records) if lost.is_empty() => records,
                Ok(_) => return Err(lost),
                Err(wrong) => return Err(wrong.into_iter().chain(lost).collect()),
            };
            // Scopes may be the file's own providers and keys.
            stored.providers.extend(records.providers.iter().cloned());
            stored.credentials.extend(records.credentials.iter().cloned());
            records.allowances = FileAllowances::of(config, &stored, self.clock.now())?;
            self.store.replace(records).map_err(|what| vec![what])?;
            self.waiting.store(false, Ordering::Release);
        }
        *self.config.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(config);
        Ok(())
    }

    /// Lets the vault take over its own records when they changed.
    fn tell_vault(&self, known: &mut Vec<VaultRecord>, records: &Records) {
        if *known == records.vault {
            return;
        }
        match self.vault.reload(&records.vault) {
            Ok(()) => known.clone_from(&records.vault),
            Err(error) => tracing::error!(%error, "the vault did not take over its changed records"),
        }
    }
}
