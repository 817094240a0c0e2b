use std::sync::Arc;

use keyward_domain::budget::Budget;
use keyward_domain::ids::{BudgetId, TenantId};
use keyward_domain::scope::{Scope, ScopeKind};

use super::index::Index;

/// The budgets of one moment of the configuration, found by the scopes that they are set on. A budget on one scope
/// applies to every call that touches it; a budget on each scope of a kind to calls of its own tenant.
#[derive(Debug, Default)]
pub struct Budgets {
    all: Vec<Arc<Budget>>,
    by_scope: Index<Arc<Budget>>,
}

impl Budgets {
    /// These budgets.
    pub fn new(budgets: &[Budget]) -> Self {
        let mut index = Self::default();
        for budget in budgets {
            let budget = Arc::new(budget.clone());
            index.by_scope.add(&budget.reach, budget.tenant, Arc::clone(&budget));
            index.all.push(budget);
        }
        index
    }

    /// Whether there are none, so that nothing has to be asked.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Whether any is set on scopes of this kind.
    pub fn may_apply(&self, kind: ScopeKind) -> bool {
        self.by_scope.may_apply(kind)
    }

    /// The budget of this id.
    pub fn get(&self, id: BudgetId) -> Option<&Budget> {
        self.iter().find(|budget| budget.id == id).map(AsRef::as_ref)
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Budget>> {
        self.all.iter()
    }

    /// Those that apply to this scope of a call that this tenant pays.
    pub(super) fn on(&self, tenant: TenantId, scope: &Scope) -> impl Iterator<Item = &Arc<Budget>> {
        self.by_scope.on(tenant, scope)
    }
}
