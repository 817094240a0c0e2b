use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use foldhash::fast::RandomState;
use keyward_domain::ids::BudgetId;
use keyward_domain::ledger::{Spend, SpendQuery};
use keyward_domain::money::Nanodollars;
use keyward_domain::scope::{Reach, Scope, ScopeKind};
use keyward_domain::time::Timestamp;

use super::Book;
use super::balance::{Balance, bucket_at};
use super::budgets::Budgets;
use super::crossing::passed;
use super::owners::Owners;
use super::pot::Pot;
use super::verdict::clamped;

/// How far the clock may step back over the beginning of a window without anything having to be read again.
const SLACK: Duration = Duration::from_hours(1);

/// What has to be read from the store for one budget.
#[derive(Debug, Clone)]
pub struct Filling {
    pot: Arc<Pot>,
    now: Timestamp,
    since: Timestamp,
}

/// A balance that does not say what the ledger says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The budget.
    pub budget: BudgetId,
    /// Whose balance.
    pub scope: Scope,
    /// The window, or the quarter of an hour of a rolling one, that begins at this moment.
    pub from: Timestamp,
    /// What the balance says that was spent.
    pub book: Nanodollars,
    /// What the rows of the store come to.
    pub ledger: Nanodollars,
}

impl Filling {
    /// The budget.
    pub fn budget(&self) -> BudgetId {
        self.pot.budget
    }

    /// Whether what is read has to be told apart by whose it is: a budget on each scope of a kind that does not name its
    /// tenant. Scopes that belong to somebody else have to be left out then, before anything else is done with them.
    pub(super) fn wants_owners(&self) -> bool {
        matches!(&self.pot.reach, Reach::Each(kind) if kind.hides_its_tenant())
    }

    /// Whether a scope is there and belongs to the tenant of the budget. Of one that was removed nobody can say whose it
    /// was, and nobody spends on it any more: it is left out, on both sides of a comparison.
    pub(super) fn is_own(&self, scope: &Scope, owners: &Owners) -> bool {
        !self.wants_owners() || owners.of(scope) == Some(self.pot.tenant)
    }

    /// What to ask the store.
    pub fn query(&self) -> SpendQuery {
        let (kind, scope) = match &self.pot.reach {
            Reach::One(scope) => (scope.kind(), Some(scope.clone())),
            Reach::Each(ScopeKind::Global) => (ScopeKind::Global, Some(Scope::Global)),
            Reach::Each(kind) => (*kind, None),
        };
        SpendQuery { kind, scope, since: self.since, until: Timestamp::from_unix_millis(i64::MAX) }
    }

    /// Takes over what the store says that was spent, in the place of what the balances say. What is held and what is on
    /// the way to the store stays. The caller lets nobody append to the store between reading and this.
    pub fn fill(&self, rows: &[Spend]) {
        let sums = self.sums(rows);
        let crowds = |buckets: &Vec<(Timestamp, i128)>| buckets.iter().any(|(_, cost)| *cost != 0);
        for (scope, buckets) in sums.iter().filter(|(_, buckets)| crowds(buckets)) {
            // Without room for it, the pot refuses scopes that it does not know until this one is out of every window.
            while let Some(balance) = self.pot.balance_for_row(scope, self.now) {
                if self.fill_balance(&balance, buckets) {
                    break;
                }
            }
        }
        self.pot.know_all_from(self.since, |balance| {
            self.fill_balance(balance, sums.get(&balance.scope).map_or(&[], Vec::as_slice));
        });
    }

    /// False when the balance was forgotten meanwhile.
    fn fill_balance(&self, balance: &Balance, buckets: &[(Timestamp, i128)]) -> bool {
        let mut state = balance.lock();
        if state.is_gone {
            return false;
        }
        state.fill(self.since, buckets);
        state.stand(&self.pot.windows, self.now);
        // Thresholds that were passed before are no news.
        if let Some(budget) = self.pot.terms() {
            passed(&budget, &self.pot, &mut state, self.now);
        }
        true
    }

    /// Compares balances with what the store says; empty when they agree. The caller lets nobody append to the store
    /// between reading and this.
    pub fn check(&self, rows: &[Spend]) -> Vec<Difference> {
        let pot = &self.pot;
        let since = self.since.max(pot.known_from());
        let mut ledger = self.sums(rows);
        let mut differences = Vec::new();
        for balance in pot.balances() {
            let rows = ledger.remove(&balance.scope).unwrap_or_default();
            let state = balance.lock();
            let rows = rows.into_iter().filter(|(from, _)| state.is_known_from(*from));
            let mut both: HashMap<Timestamp, (i128, i128)> = HashMap::new();
            state.bases(self.since).for_each(|(from, base)| both.entry(from).or_default().0 = base);
            rows.for_each(|(from, cost)| both.entry(from).or_default().1 += cost);
            differ(&mut differences, pot.budget, &balance.scope, both);
        }
        // What there is no room to count is known to be missing.
        for (scope, rows) in ledger.into_iter().filter(|_| !pot.is_crowded(self.now)) {
            let both = rows.into_iter().filter(|(from, _)| *from >= since).map(|(from, cost)| (from, (0, cost)));
            differ(&mut differences, pot.budget, &scope, both);
        }
        differences.sort_by(|a, b| (&a.scope, a.from).cmp(&(&b.scope, b.from)));
        differences
    }

    fn concerns(&self, scope: &Scope) -> bool {
        let ours = self.pot.tenant;
        match &self.pot.reach {
            Reach::One(one) => one == scope,
            Reach::Each(kind) if *kind != scope.kind() => false,
            Reach::Each(_) => match scope {
                Scope::EndUser(tenant, _) | Scope::Tag(tenant, _) | Scope::Model(tenant, _) => *tenant == ours,
                _ => true,
            },
        }
    }

    /// What each scope spent, by bucket.
    fn sums(&self, rows: &[Spend]) -> Sums {
        let mut sums = Sums::default();
        for row in rows.iter().filter(|row| self.concerns(&row.scope) && row.quarter >= self.since) {
            let buckets = sums.entry(row.scope.clone()).or_default();
            let bucket = bucket_at(&self.pot.windows, row.quarter);
            let cost = i128::from(row.cost.0);
            match buckets.last_mut().filter(|(last, _)| *last == bucket) {
                Some((_, sum)) => *sum += cost,
                None => buckets.push((bucket, cost)),
            }
        }
        sums
    }
}

type Sums = HashMap<Scope, Vec<(Timestamp, i128)>, RandomState>;

impl Book {
    /// What has to be read before these budgets can be kept: all of it at start, and what is new after a change of the
    /// configuration. To be asked before calls meet the new budgets, and now and then: when the clock was set back
    /// further than balances remember, they have to be read again.
    pub fn unfilled(&self, budgets: &Budgets, now: Timestamp) -> Vec<Filling> {
        let mut fillings = self.readings(budgets, now);
        fillings.retain(|filling| filling.pot.known_from() > filling.pot.windows.at(now).from);
        fillings
    }

    /// What has to be read to compare all balances of these budgets with the ledger.
    pub fn readings(&self, budgets: &Budgets, now: Timestamp) -> Vec<Filling> {
        let reading = |budget| {
            let pot = self.open_pot(budget);
            let since = pot.windows.at(now.minus(SLACK)).from;
            Filling { pot, now, since }
        };
        budgets.iter().map(reading).collect()
    }

    /// Keeps the balances of these budgets only, and minds their terms from now on. To be called with every change of
    /// the configuration, once calls meet the new budgets.
    pub fn retain(&self, budgets: &Budgets) {
        self.retain_pots(budgets);
    }
}

fn differ(
    differences: &mut Vec<Difference>,
    budget: BudgetId,
    scope: &Scope,
    both: impl IntoIterator<Item = (Timestamp, (i128, i128))>,
) {
    for (from, (book, ledger)) in both {
        if book != ledger {
            let (book, ledger) = (clamped(book), clamped(ledger));
            differences.push(Difference { budget, scope: scope.clone(), from, book, ledger });
        }
    }
}
