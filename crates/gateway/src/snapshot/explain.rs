//! Where a name would lead, for explanations: by the same rules as for calls, without making one.

use std::sync::Arc;

use keyward_domain::cost::worst_case;
use keyward_domain::ids::{ProviderId, TenantId};
use keyward_domain::money::Nanodollars;
use keyward_domain::token::TokenId;
use keyward_pool::Pool;

use super::Snapshot;
use super::entries::{Deployment, Route};
use super::resolve::Unresolved;
use crate::stage::authorize::may_use;

/// A call like many, for comparing what deployments cost: this many bytes in, this many tokens out.
const TYPICAL_CALL: (u64, u64) = (4_000, 1_000);

/// Where a name leads.
pub enum Lead {
    /// There.
    To(Arc<Route>),
    /// To several deployments; which one is meant has to be said.
    Several(Vec<Arc<str>>),
    /// Nowhere; these names look like it.
    Nowhere(Vec<String>),
}

impl Snapshot {
    /// Where a name leads that a tenant's client sends as `model`.
    pub fn lead(&self, tenant: TenantId, name: &str) -> Lead {
        let Some(world) = self.worlds.get(&tenant) else { return Lead::Nowhere(Vec::new()) };
        match world.resolve(name) {
            Ok(route) => Lead::To(route),
            Err(Unresolved::Ambiguous(targets)) => {
                Lead::Several(targets.iter().map(|target| Arc::clone(&target.qualified)).collect())
            }
            Err(Unresolved::Unknown) => Lead::Nowhere(world.similar(name, |_, _| true)),
        }
    }

    /// Whether a virtual key may use this deployment under this name; `None` for a key that there is not.
    pub fn may_use(&self, key: TokenId, name: &str, target: &Deployment) -> Option<bool> {
        self.keys.get(&key.bits()).map(|entry| may_use(entry, name, target))
    }

    /// The pool of a provider; `None` for one that is not enabled.
    pub fn pool(&self, provider: ProviderId) -> Option<Arc<Pool>> {
        let entries = self.worlds.values().flat_map(|world| world.providers.values());
        entries.into_iter().find(|entry| entry.id == provider).map(|entry| Arc::clone(&entry.pool))
    }
}

impl Deployment {
    /// What a call like many costs here at most, for comparing; `None` when the price is unknown.
    pub fn typical_cost(&self) -> Option<Nanodollars> {
        let (bytes, output) = TYPICAL_CALL;
        worst_case(&self.pricing, bytes, output, 1)
    }

    /// Whether it is served without a key.
    pub fn is_keyless(&self) -> bool {
        self.provider.keyless && self.provider.credentials.is_empty()
    }
}
