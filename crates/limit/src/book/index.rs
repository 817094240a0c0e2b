use std::collections::HashMap;

use foldhash::fast::RandomState;
use keyward_domain::ids::TenantId;
use keyward_domain::scope::{Reach, Scope, ScopeKind};

/// Things that are set on scopes, found by the scopes that a call touches.
#[derive(Debug)]
pub(super) struct Index<T> {
    one: HashMap<Scope, Vec<T>, RandomState>,
    each: HashMap<(ScopeKind, TenantId), Vec<T>, RandomState>,
    /// One bit per kind of scope that anything is set on: calls look no further for the others.
    kinds: u16,
}

impl<T> Index<T> {
    /// Adds what somebody set on this.
    pub(super) fn add(&mut self, reach: &Reach, tenant: TenantId, thing: T) {
        let kind = match reach {
            // There is one installation, whoever asks.
            Reach::One(Scope::Global) | Reach::Each(ScopeKind::Global) => {
                self.one.entry(Scope::Global).or_default().push(thing);
                ScopeKind::Global
            }
            Reach::One(scope) => {
                self.one.entry(scope.clone()).or_default().push(thing);
                scope.kind()
            }
            Reach::Each(kind) => {
                self.each.entry((*kind, kind.within(tenant))).or_default().push(thing);
                *kind
            }
        };
        self.kinds |= bit(kind);
    }

    /// What applies to this scope of a call that this tenant pays.
    pub(super) fn on(&self, tenant: TenantId, scope: &Scope) -> impl Iterator<Item = &T> {
        let kind = scope.kind();
        let lists = self.may_apply(kind).then(|| [self.one.get(scope), self.each.get(&(kind, kind.within(tenant)))]);
        lists.into_iter().flatten().flatten().flatten()
    }

    /// Whether anything is set on scopes of this kind.
    pub(super) fn may_apply(&self, kind: ScopeKind) -> bool {
        self.kinds & bit(kind) != 0
    }
}

impl<T> Default for Index<T> {
    fn default() -> Self {
        Self { one: HashMap::default(), each: HashMap::default(), kinds: 0 }
    }
}

fn bit(kind: ScopeKind) -> u16 {
    match kind {
        ScopeKind::Global => 1,
        ScopeKind::Tenant => 1 << 1,
        ScopeKind::Team => 1 << 2,
        ScopeKind::User => 1 << 3,
        ScopeKind::EndUser => 1 << 4,
        ScopeKind::VirtualKey => 1 << 5,
        ScopeKind::Tag => 1 << 6,
        ScopeKind::Provider => 1 << 7,
        ScopeKind::Credential => 1 << 8,
        ScopeKind::Model => 1 << 9,
    }
}
