use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;
use keyward_domain::ids::TenantId;
use keyward_domain::limit::Limit;
use keyward_domain::port::{Amounts, Ask};
use keyward_domain::scope::{Reach, Scope, ScopeKind};

/// All limits, found by what a call touches. Never changes: a new configuration makes a new one, and the counters of
/// limits that stay go on.
#[derive(Debug, Default)]
pub struct Limits {
    of_scope: HashMap<Scope, Vec<Arc<Limit>>, RandomState>,
    of_each: HashMap<(ScopeKind, TenantId), Vec<Arc<Limit>>, RandomState>,
    all: Vec<Arc<Limit>>,
}

impl Limits {
    /// The index of these limits.
    pub fn new(limits: &[Limit]) -> Self {
        let mut index = Self { all: limits.iter().cloned().map(Arc::new).collect(), ..Self::default() };
        for limit in &index.all {
            let of = match &limit.reach {
                Reach::One(scope) => index.of_scope.entry(scope.clone()).or_default(),
                Reach::Each(kind) => index.of_each.entry((*kind, kind.within(limit.tenant))).or_default(),
            };
            of.push(Arc::clone(limit));
        }
        index
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Every limit.
    pub fn all(&self) -> &[Arc<Limit>] {
        &self.all
    }

    /// What a call has to ask before it may pass: one ask for each limit and scope.
    pub fn asks(&self, scopes: &[Scope], tenant: TenantId, amounts: Amounts) -> Vec<Ask> {
        if self.is_empty() {
            return Vec::new();
        }
        let limits = scopes.iter().flat_map(|scope| self.of(scope, tenant).map(move |limit| (limit, scope)));
        limits.map(|(limit, scope)| Ask::new(Arc::clone(limit), scope.clone(), amounts)).collect()
    }

    /// The limits of a scope that a tenant's call touches.
    pub fn of(&self, scope: &Scope, tenant: TenantId) -> impl Iterator<Item = &Arc<Limit>> {
        let own = self.of_scope.get(scope).into_iter().flatten();
        own.chain(self.of_each.get(&(scope.kind(), scope.kind().within(tenant))).into_iter().flatten())
    }
}
