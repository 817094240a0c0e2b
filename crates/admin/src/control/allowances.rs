//! The port to what budgets and limits have left.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::future::join_all;
use keyward_domain::budget::Budget;
use keyward_domain::ids::{BudgetId, TenantId};
use keyward_domain::limit::Limit;
use keyward_domain::port::{Counters, Level, Records};
use keyward_domain::principal::Realm;
use keyward_domain::scope::{Reach, Scope};
use keyward_limit::book::{BalanceView, Book};

use super::{Control, thread_died};
use crate::error::AdminError;

/// What budgets and limits have left: the data plane's own figures, not a copy. So the number that is shown is the
/// number that refuses.
pub trait Allowances: Send + Sync {
    /// The balances of all budgets.
    fn book(&self) -> &Book;

    /// The counters of all limits.
    fn counters(&self) -> &dyn Counters;

    /// Why the counters that several nodes share cannot be asked, in a sentence; `None` while all is well.
    fn degraded(&self) -> Option<String> {
        None
    }
}

/// What scopes have spent under one budget.
#[derive(Debug, Clone, Default)]
pub struct Balances {
    /// The scopes that spent most, in front the one that spent most of all.
    pub most: Vec<BalanceView>,
    /// Scopes that spent or reserved anything.
    pub scopes: usize,
    /// Of them, those that have nothing left.
    pub exhausted: usize,
}

/// Of whom figures are wanted.
#[derive(Debug, Clone)]
pub enum Whose {
    /// Of the scopes that spent most, so many.
    Most(usize),
    /// Of this scope of this tenant.
    This(TenantId, Scope),
}

impl Whose {
    /// Whether what is set on this applies to whom it is about.
    pub fn is_reached_by(&self, tenant: TenantId, reach: &Reach) -> bool {
        let Self::This(whose, scope) = self else { return true };
        match reach {
            Reach::One(one) => one == scope,
            Reach::Each(kind) => *kind == scope.kind() && kind.within(tenant) == kind.within(*whose),
        }
    }
}

impl Control {
    /// What these budgets have left now. Counted on a blocking thread: a budget on each of a kind may have many scopes.
    pub async fn balances(
        &self,
        budgets: Vec<Budget>,
        records: &Records,
        whose: Whose,
    ) -> Result<HashMap<BudgetId, Balances>, AdminError> {
        let (allowances, now) = (Arc::clone(&self.ports.allowances), self.now());
        let (owners, realm) = (owners(records), self.realm());
        let count = move || {
            let book = allowances.book();
            let of = |budget: &Budget| match &whose {
                Whose::This(_, scope) => Balances::of(vec![book.view(budget, scope, now)], 1),
                Whose::Most(most) => {
                    let mut views = book.views(budget, now);
                    let is_one = matches!(budget.reach, Reach::One(_));
                    views.retain(|view| is_one || is_shown(&view.scope, budget.tenant, realm, &owners));
                    Balances::of(views, *most)
                }
            };
            budgets.iter().map(|budget| (budget.id, of(budget))).collect()
        };
        tokio::task::spawn_blocking(count).await.map_err(|error| thread_died(&error))
    }

    /// Where the counters of these limits stand for these scopes, in their order.
    pub(crate) async fn levels(&self, asked: Vec<(Limit, Scope)>) -> Vec<(Scope, Level)> {
        let (counters, now) = (self.ports.allowances.counters(), self.moment().monotonic);
        let levels = asked.into_iter().map(|(limit, scope)| async move {
            let level = counters.view(&Arc::new(limit), &scope, now).await;
            (scope, level)
        });
        join_all(levels).await
    }

    /// Why shared counters cannot be asked, if they cannot.
    pub(crate) fn degraded_counters(&self) -> Option<String> {
        self.ports.allowances.degraded()
    }
}

/// Whether a scope is among those that a budget of this tenant on each of a kind is on, and in the realm of who asks.
fn is_shown(scope: &Scope, tenant: TenantId, realm: Realm, owners: &HashMap<Scope, TenantId>) -> bool {
    match scope {
        Scope::Team(_) | Scope::User(_) | Scope::VirtualKey(_) => {
            // Of what is not there any more, those who see everything see what it has cost.
            owners.get(scope).map_or(realm == Realm::Installation, |owner| *owner == tenant)
        }
        Scope::Tenant(id) => realm.tenant().is_none_or(|own| own == *id),
        _ => true,
    }
}

/// Whose the scopes are that do not say it themselves.
fn owners(records: &Records) -> HashMap<Scope, TenantId> {
    let teams = records.teams.iter().map(|team| (Scope::Team(team.id), team.tenant));
    let users = records.users.iter().map(|user| (Scope::User(user.id), user.tenant));
    let keys = records.virtual_keys.iter().map(|key| (Scope::VirtualKey(key.id), key.tenant));
    teams.chain(users).chain(keys).collect()
}

impl Balances {
    fn of(mut views: Vec<BalanceView>, most: usize) -> Self {
        let is_exhausted = |view: &&BalanceView| view.is_known && view.left.0 == 0;
        let (scopes, exhausted) = (views.len(), views.iter().filter(is_exhausted).count());
        views.sort_by_key(|view| std::cmp::Reverse(view.spent.saturating_add(view.reserved)));
        views.truncate(most);
        Self { most: views, scopes, exhausted }
    }
}
