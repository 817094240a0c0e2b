//! The configuration as requests see it: immutable, complete, swapped as a whole when anything changes. A request
//! loads it once and so sees one world; nothing is looked up in SQL.

mod build;
mod entries;
mod explain;
mod names;
mod resolve;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arc_swap::ArcSwap;
use foldhash::fast::FixedState;
use keyward_domain::ids::TenantId;
use keyward_limit::book::Budgets;
use keyward_limit::rate::Limits;
use keyward_vault::TokenVerifier;

pub use build::Living;
pub(crate) use entries::{Allowances, KeyEntry, World};
pub use entries::{Deployment, ModelCard, Pooled, ProviderEntry, Route};
pub use explain::Lead;
use names::Names;
pub use resolve::Resolution;
pub(crate) use resolve::Unresolved;

/// Maps of this size are read on every request, from keys that an outsider cannot choose freely.
pub(crate) type FastMap<K, V> = HashMap<K, V, FixedState>;

/// One consistent picture of the configuration.
pub struct Snapshot {
    /// The store's revision that it shows.
    pub revision: u64,
    /// Checks tokens; `None` while the vault is locked.
    pub(crate) verifier: Option<Arc<TokenVerifier>>,
    pub(crate) keys: FastMap<u64, Arc<KeyEntry>>,
    pub(crate) worlds: FastMap<TenantId, Arc<World>>,
    allowances: Arc<Allowances>,
    names: Names,
}

impl Snapshot {
    /// The budgets that calls meet.
    pub fn budgets(&self) -> &Budgets {
        &self.allowances.budgets
    }

    /// The limits that calls meet.
    pub fn limits(&self) -> &Limits {
        &self.allowances.limits
    }

    /// Where a name leads for a tenant's clients; `None` for one that leads nowhere, or to several providers.
    pub fn route(&self, tenant: TenantId, name: &str) -> Option<Arc<Route>> {
        self.worlds.get(&tenant)?.resolve(name).ok()
    }

    /// An enabled provider of a tenant, by its name.
    pub fn provider(&self, tenant: TenantId, name: &str) -> Option<&Arc<ProviderEntry>> {
        self.worlds.get(&tenant)?.providers.get(name)
    }

    /// Every enabled provider of a tenant, in no order.
    pub fn providers(&self, tenant: TenantId) -> impl Iterator<Item = &Arc<ProviderEntry>> {
        self.worlds.get(&tenant).into_iter().flat_map(|world| world.providers.values())
    }

    /// Every enabled provider, by its name.
    pub(crate) fn all_providers(&self) -> BTreeMap<&str, &Arc<ProviderEntry>> {
        let entries = self.worlds.values().flat_map(|world| world.providers.values());
        entries.into_iter().map(|entry| (&*entry.name, entry)).collect()
    }
}

/// Where the current snapshot is; cloning gives another door to the same place.
#[derive(Clone)]
pub struct SnapshotHandle(Arc<ArcSwap<Snapshot>>);

impl SnapshotHandle {
    /// A handle that starts with this snapshot.
    pub fn new(first: Snapshot) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(first)))
    }

    /// Makes this snapshot the current one, at once and for every event loop. Requests under way keep theirs.
    pub fn publish(&self, next: Snapshot) {
        self.0.store(Arc::new(next));
    }

    /// The current snapshot.
    pub fn load(&self) -> Arc<Snapshot> {
        self.0.load_full()
    }
}
