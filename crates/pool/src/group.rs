//! Accounts: the keys that share a provider's limits, and what any of them learned.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use keyward_domain::ids::{CredentialId, ProviderId};

use crate::chance::stable_hash;
use crate::headroom::Meters;
use crate::key::Key;

/// Models of one account whose own meters are remembered, at most.
const MAX_MODELS: usize = 4096;

/// Which account of a provider: its quota group, or the key itself where it has none. The same in every process, so that
/// what is bound to an account can be brought back to it after a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Account(u64);

impl Account {
    /// The account of a key.
    pub fn of(provider: ProviderId, credential: CredentialId, quota_group: Option<&str>) -> Self {
        let provider = provider.to_bytes();
        Self(match quota_group {
            Some(group) => stable_hash(&[&provider, group.as_bytes()]),
            None => stable_hash(&[&provider, &credential.to_bytes()]),
        })
    }

    /// All 64 bits, to be kept.
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// The account that these bits name.
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The living state of an account.
#[derive(Debug, Default)]
pub(crate) struct Group {
    keys: Mutex<Vec<Weak<Key>>>,
    /// What is left of the limits of the account as a whole.
    pub(crate) meters: Arc<Meters>,
    models: Mutex<HashMap<Arc<str>, Arc<Meters>>>,
}

impl Group {
    /// The keys that are in it from now on.
    pub(crate) fn seat(&self, keys: Vec<Weak<Key>>) {
        *self.keys.lock().unwrap_or_else(PoisonError::into_inner) = keys;
    }

    /// The keys that share it.
    pub(crate) fn keys(&self) -> Vec<Arc<Key>> {
        let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.iter().filter_map(Weak::upgrade).collect()
    }

    /// What is left of the account's limits for one model.
    pub(crate) fn model(&self, name: &Arc<str>) -> Arc<Meters> {
        let mut models = self.models.lock().unwrap_or_else(PoisonError::into_inner);
        if models.len() >= MAX_MODELS && !models.contains_key(name) {
            // What no lane uses makes room.
            models.retain(|_, state| Arc::strong_count(state) > 1);
        }
        if models.len() >= MAX_MODELS && !models.contains_key(name) {
            return Arc::default();
        }
        Arc::clone(models.entry(Arc::clone(name)).or_default())
    }

    /// What is left of the account's limits for one model, if anything is remembered of it.
    pub(crate) fn known_model(&self, name: &str) -> Option<Arc<Meters>> {
        self.models.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// Forgets a model.
    pub(crate) fn forget(&self, name: &str) {
        self.models.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }
}
