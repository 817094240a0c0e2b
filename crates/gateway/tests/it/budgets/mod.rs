//! Budgets through the door: what is held, what is refused, and that it always adds up.

mod adding_up;
mod caps;
mod ceilings;
mod prices;
mod streams;
mod tokens;

use keyward_domain::budget::{Budget, BudgetKind, HoldMode, Mode};
use keyward_domain::ids::{BudgetId, TenantId};
use keyward_domain::money::Nanodollars;
use keyward_domain::port::{Change, Clock as _};
use keyward_domain::principal::Realm;
use keyward_domain::scope::{Reach, Scope};
use keyward_domain::window::{Period, Windows};
use keyward_limit::book::BalanceView;

use crate::house::{BEGIN, House};

/// Nano-dollars in a dollar.
pub(crate) const USD: i64 = 1_000_000_000;

/// A hard, strict budget a day on a scope.
pub(crate) fn budget(number: u128, reach: Reach, amount: i64) -> Budget {
    Budget {
        id: BudgetId::from_bits(number),
        tenant: TenantId::DEFAULT,
        set_by: Realm::Installation,
        reach,
        amount: Nanodollars(amount),
        windows: Windows::utc(Period::Day),
        kind: BudgetKind::Hard,
        mode: Mode::Enforce,
        hold: HoldMode::Strict,
        alert_at: Vec::new(),
        top_ups: Vec::new(),
        created_at: BEGIN,
        revision: 1,
    }
}

impl House {
    /// A budget, in effect at once.
    pub(crate) fn put_budget(&self, budget: &Budget) {
        self.commit(Change::PutBudget(budget.clone()));
        self.publish();
    }

    /// A strict budget on everything, in effect at once.
    pub(crate) fn put_global(&self, amount: i64) -> Budget {
        let budget = budget(1, Reach::One(Scope::Global), amount);
        self.put_budget(&budget);
        budget
    }

    /// What a budget shows of a scope.
    pub(crate) fn balance(&self, budget: &Budget, scope: &Scope) -> BalanceView {
        self.counting.book.view(budget, scope, self.clock.now())
    }

    /// The same of the scope that the budget is set on.
    pub(crate) fn own_balance(&self, budget: &Budget) -> BalanceView {
        let Reach::One(scope) = &budget.reach else { panic!("the budget is on many scopes") };
        self.balance(budget, scope)
    }

    /// What all rows of the ledger come to. Everything has to be settled.
    pub(crate) fn ledger_sum(&self) -> Nanodollars {
        self.store_entries().iter().filter_map(|entry| entry.cost).sum()
    }
}
