//! The vault itself: locked or unlocked, shared by everybody. One operation per file.

mod found;
mod mac;
mod reload;
mod secret;
mod slot;
mod tenant;
mod unlock;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use keyward_domain::ids::InstallId;
use keyward_domain::port::VaultRecord;

use crate::error::{Fault, VaultError};
use crate::key::Key;
use crate::keyslot::{self, MAX_KEYSLOTS};
use crate::ring::{self, KeyRing};
use crate::tenant_key::{self, TenantKeyId};
use crate::token::TokenVerifier;

pub use mac::{KeyedMac, MacPurpose};
pub use secret::MAX_SECRET_LEN;

/// Seals and opens secrets. Locked, it holds no key; unlocked, it holds the root key, the ring and the tenant keys in
/// memory that is wiped when it is locked or dropped.
pub struct Vault {
    install: InstallId,
    state: RwLock<State>,
}

impl Vault {
    /// A locked vault over the records of a store.
    pub fn from_records(install: InstallId, records: &[VaultRecord]) -> Result<Self, VaultError> {
        let state = State { kept: Kept::sort(records)?, opened: None };
        Ok(Self { install, state: RwLock::new(state) })
    }

    /// The installation that everything here is bound to.
    pub const fn install(&self) -> InstallId {
        self.install
    }

    /// Whether no key is in memory.
    pub fn is_locked(&self) -> bool {
        self.read().opened.is_none()
    }

    /// Wipes every key from memory. Verifiers that were handed out keep working: they hold peppers only.
    pub fn lock(&self) {
        self.write().opened = None;
    }

    // A panic while the lock was held cannot leave the state half changed: every change is one assignment at the end.
    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault")
            .field("install", &self.install)
            .field("locked", &self.is_locked())
            .finish_non_exhaustive()
    }
}

struct State {
    kept: Kept,
    opened: Option<Opened>,
}

impl State {
    fn opened(&self) -> Result<&Opened, VaultError> {
        self.opened.as_ref().ok_or(VaultError::Locked)
    }
}

/// Sealed records, as the store keeps them.
struct Kept {
    slots: Vec<VaultRecord>,
    ring: VaultRecord,
    tenants: BTreeMap<TenantKeyId, TenantRecord>,
}

struct TenantRecord {
    record: VaultRecord,
    /// Whether the store is known to have it; until then it is handed out again.
    stored: bool,
}

impl Kept {
    fn sort(records: &[VaultRecord]) -> Result<Self, VaultError> {
        let (mut slots, mut rings, mut tenants) = (Vec::new(), Vec::new(), BTreeMap::new());
        for record in records {
            match record.kind.as_str() {
                keyslot::KIND => slots.push(record.clone()),
                ring::KIND => rings.push(record.clone()),
                tenant_key::KIND => {
                    let id = TenantKeyId::parse(&record.id).ok_or(VaultError::Integrity(Fault::Form))?;
                    tenants.insert(id, TenantRecord { record: record.clone(), stored: true });
                }
                _ => return Err(VaultError::UnsupportedVersion),
            }
        }
        if slots.len() > MAX_KEYSLOTS || rings.len() > 1 {
            return Err(VaultError::Integrity(Fault::Form));
        }
        match rings.pop() {
            Some(ring) if !slots.is_empty() => Ok(Self { slots, ring, tenants }),
            _ => Err(VaultError::Integrity(Fault::Missing)),
        }
    }
}

/// Keys in memory.
struct Opened {
    root: Key,
    ring: KeyRing,
    /// Those that opened. A damaged one is left out, so that it stops its own tenant and nobody else.
    tenant_keys: BTreeMap<TenantKeyId, Key>,
    verifier: Arc<TokenVerifier>,
}

impl Opened {
    /// Opens the ring and every tenant key.
    fn open(install: InstallId, root: Key, kept: &Kept) -> Result<Self, VaultError> {
        let ring = KeyRing::open(install, &root, &kept.ring)?;
        Ok(Self::with_ring(install, root, ring, kept))
    }

    fn with_ring(install: InstallId, root: Key, ring: KeyRing, kept: &Kept) -> Self {
        let tenant_keys = kept
            .tenants
            .iter()
            .filter_map(|(id, kept)| Some((*id, tenant_key::open(install, &ring, *id, &kept.record.body).ok()?)))
            .collect();
        let verifier = Arc::new(TokenVerifier::new(ring.versions(ring::Purpose::Pepper)));
        Self { root, ring, tenant_keys, verifier }
    }
}
