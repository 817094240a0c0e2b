//! The control plane's view of the pools: the very ones that the data plane chooses from.

use std::sync::Arc;

use keyward_admin::control::{Lead, Pools, Target, Way};
use keyward_domain::ids::{ProviderId, TenantId};
use keyward_domain::standing::KeyEvent;
use keyward_domain::token::TokenId;
use keyward_gateway::{Deployment, Route, Snapshot, SnapshotHandle};
use keyward_pool::{Pool, Registry};
use tokio::sync::broadcast;

use super::pool_memory::PoolMemory;

/// The pools of the snapshot in effect.
pub struct LivePools {
    /// The configuration as requests see it.
    pub snapshot: SnapshotHandle,
    /// What is known of every key.
    pub memory: Arc<PoolMemory>,
}

impl Pools for LivePools {
    fn registry(&self) -> &Registry {
        &self.memory.registry
    }

    fn of(&self, provider: ProviderId) -> Option<Arc<Pool>> {
        self.snapshot.load().pool(provider)
    }

    fn lead(&self, tenant: TenantId, model: &str, vkey: Option<TokenId>) -> Lead {
        let snapshot = self.snapshot.load();
        match snapshot.lead(tenant, model) {
            keyward_gateway::Lead::To(route) => Lead::To(way(&snapshot, &route, vkey)),
            keyward_gateway::Lead::Several(names) => Lead::Several(names.iter().map(ToString::to_string).collect()),
            keyward_gateway::Lead::Nowhere(near) => Lead::Nowhere(near),
        }
    }

    fn flush(&self) -> bool {
        self.memory.flush()
    }

    fn listen(&self) -> broadcast::Receiver<KeyEvent> {
        self.memory.listen()
    }
}

fn way(snapshot: &Snapshot, route: &Route, vkey: Option<TokenId>) -> Way {
    let target = |deployment: &Arc<Deployment>, weight: u16| Target {
        provider: deployment.provider.id,
        provider_name: deployment.provider.name.to_string(),
        model: deployment.model.to_string(),
        weight,
        typical_cost: deployment.typical_cost(),
        is_keyless: deployment.is_keyless(),
        allowed: vkey.and_then(|vkey| snapshot.may_use(vkey, &route.name, deployment)),
        pool: Arc::clone(&deployment.provider.pool),
    };
    let weights = route.weights.iter().copied().chain(std::iter::repeat(1));
    Way {
        name: route.name.to_string(),
        order: route.order,
        targets: route.targets.iter().zip(weights).map(|(deployment, weight)| target(deployment, weight)).collect(),
        fallback: route
            .fallback
            .iter()
            .map(|(class, targets)| (*class, targets.iter().map(|deployment| target(deployment, 1)).collect()))
            .collect(),
    }
}
