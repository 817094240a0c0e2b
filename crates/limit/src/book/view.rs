use std::sync::Arc;

use keyward_domain::budget::{Budget, HoldMode};
use keyward_domain::ids::{BudgetId, TenantId};
use keyward_domain::money::Nanodollars;
use keyward_domain::scope::{Reach, Scope, ScopeKind};
use keyward_domain::time::Timestamp;
use keyward_domain::window::Window;

use super::Book;
use super::balance::{Balance, Sums};
use super::budgets::Budgets;
use super::pot::Pot;
use super::verdict::clamped;

/// What one scope has spent and reserved under a budget: the very figures that holds are measured against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BalanceView {
    /// The budget.
    pub budget: BudgetId,
    /// Whose balance.
    pub scope: Scope,
    /// The window that they are for.
    pub window: Window,
    /// What may be spent in it, top-ups included.
    pub limit: Nanodollars,
    /// What was spent; never below zero.
    pub spent: Nanodollars,
    /// What calls in flight have reserved.
    pub reserved: Nanodollars,
    /// What is left; never below zero.
    pub left: Nanodollars,
    /// What corrections took back beyond what was spent: the sum of the rows is `spent` minus this.
    pub beyond_zero: Nanodollars,
    /// Whether what was spent has been read from the store; until then `spent` lacks it.
    pub is_known: bool,
}

/// What is left for an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Headroom {
    /// The least that any budget has left that refuses. Zero when one of them is not known yet.
    pub left: Nanodollars,
    /// Whether any of them wants the worst case held from the beginning.
    pub is_strict: bool,
}

impl Book {
    /// What the budgets that may refuse have left for an attempt on these scopes; `None` when none applies. Others may
    /// take it before the attempt does.
    pub fn headroom(&self, budgets: &Budgets, tenant: TenantId, scopes: &[Scope], at: Timestamp) -> Option<Headroom> {
        let mut least: Option<Headroom> = None;
        for scope in scopes {
            for budget in budgets.on(tenant, scope).filter(|budget| budget.refuses()) {
                let Some(left) = self.left(budget, scope, at) else { continue };
                let is_strict = budget.hold == HoldMode::Strict;
                let so_far = least.unwrap_or(Headroom { left, is_strict });
                least = Some(Headroom { left: so_far.left.min(left), is_strict: so_far.is_strict || is_strict });
            }
        }
        least
    }

    /// What one scope has spent under a budget, in the window of this moment.
    pub fn view(&self, budget: &Budget, scope: &Scope, now: Timestamp) -> BalanceView {
        let pot = self.find_pot(budget);
        let balance = pot.as_ref().and_then(|pot| pot.find(scope));
        show(budget, pot.as_ref(), scope, balance.as_ref(), now)
    }

    /// What every scope has spent under a budget that has spent or reserved anything, by scope; the scope of a budget on
    /// one is always there.
    pub fn views(&self, budget: &Budget, now: Timestamp) -> Vec<BalanceView> {
        match &budget.reach {
            Reach::One(scope) => return vec![self.view(budget, scope, now)],
            Reach::Each(ScopeKind::Global) => return vec![self.view(budget, &Scope::Global, now)],
            Reach::Each(_) => {}
        }
        let Some(pot) = self.find_pot(budget) else { return Vec::new() };
        let show = |balance: &Arc<Balance>| show(budget, Some(&pot), &balance.scope, Some(balance), now);
        let has_any = |view: &BalanceView| view.spent != Nanodollars::ZERO || view.reserved != Nanodollars::ZERO;
        let mut views: Vec<_> = pot.balances().iter().map(show).filter(has_any).collect();
        views.sort_by(|a, b| a.scope.cmp(&b.scope));
        views
    }

    /// What is left of a budget that may refuse; `None` when it was removed meanwhile.
    fn left(&self, budget: &Arc<Budget>, scope: &Scope, at: Timestamp) -> Option<Nanodollars> {
        let pot = self.pot(budget)?;
        let limit = i128::from(budget.amount_at(at).0);
        let (used, is_known) = if let Some(balance) = pot.find(scope) {
            let stand = balance.lock().stand(&pot.windows, at);
            (stand.sums.used(), stand.is_known)
        } else {
            (0, pot.known_from() <= pot.windows.at(at).from)
        };
        Some(if is_known { clamped(limit.saturating_sub(used).max(0)) } else { Nanodollars::ZERO })
    }
}

fn show(
    budget: &Budget,
    pot: Option<&Arc<Pot>>,
    scope: &Scope,
    balance: Option<&Arc<Balance>>,
    now: Timestamp,
) -> BalanceView {
    let windows = &budget.windows;
    let (window, sums, is_known) = if let Some(balance) = balance {
        let state = balance.lock();
        let (window, sums) = state.figures(windows, now);
        (window, sums, state.is_known_from(window.from))
    } else {
        let window = windows.at(now);
        (window, Sums::default(), pot.is_some_and(|pot| pot.known_from() <= window.from))
    };
    let limit = budget.amount_at(now);
    BalanceView {
        budget: budget.id,
        scope: scope.clone(),
        window,
        limit,
        spent: clamped(sums.spent()),
        reserved: clamped(sums.open),
        left: clamped(i128::from(limit.0).saturating_sub(sums.used()).max(0)),
        beyond_zero: clamped(sums.net().saturating_neg().max(0)),
        is_known,
    }
}
