//! The money: what budgets have left, what calls in flight have reserved, what was spent.
//!
//! There is one ledger, and its rows are in the store. A [`Book`] keeps, for as long as the process lives, what the rows
//! of each window come to, so that a call can be measured against every budget that it touches without asking the store.
//!
//! There is one balance per budget and scope. It is the sum of rows that are in the store (its base), and of what
//! attempts have a part in whose rows are not there yet (its legs): reserved while they are under way, spent once they
//! are settled. Only [`Book::projected`] changes a base, with rows that were appended just now, and takes the legs of their
//! attempts away in the same step. So a balance cannot drift away from the ledger; what a crash loses is memory.
//!
//! Nothing is ever reset. Every sum belongs to a window, windows are functions of a moment, and a row belongs to the
//! window in which its attempt began, however late it comes.
//!
//! An attempt's legs change in all balances or in none: their locks are taken in one order, all are asked, then all are
//! charged. Locks are taken in this order: an attempt's place in the table of attempts, the list of budgets, the table of
//! a budget's scopes, balances by their serial, what all scopes of a budget share.

mod ask;
mod balance;
mod booked;
mod budgets;
mod crossing;
mod fill;
mod hold;
mod index;
mod owners;
mod pending;
mod pot;
mod refused;
mod settle;
mod take;
mod verdict;
mod view;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::fast::RandomState;
use keyward_domain::budget::Budget;
use keyward_domain::ids::{BudgetId, TenantId};
use keyward_domain::scope::Scope;

pub use ask::Ask;
pub use booked::Booked;
pub use budgets::Budgets;
pub use crossing::{Crossing, MAX_CROSSINGS};
pub use fill::{Difference, Filling};
pub use hold::Hold;
pub use pot::MAX_SCOPES;
pub use refused::{Refused, Why};
pub use view::{BalanceView, Headroom};

use self::index::Index;
use self::pending::Pending;
use self::pot::Pot;
use crate::sync::{Mutex, RwLock, read, write};

/// Removed budgets that are remembered, at most.
const MAX_GONE: usize = 1_024;

/// All balances. One per process, shared by everything that spends.
#[derive(Debug)]
pub struct Book {
    pots: RwLock<Pots>,
    pending: Pending,
    crossings: Mutex<crossing::Crossings>,
    holds: AtomicU64,
    serials: Arc<AtomicU64>,
    max_scopes: usize,
}

/// The balances of all budgets. A budget whose windows were changed has new ones next to the old ones, until nobody uses
/// these any more.
#[derive(Debug, Default)]
struct Pots {
    by_budget: HashMap<BudgetId, Vec<Arc<Pot>>, RandomState>,
    by_scope: Index<Arc<Pot>>,
    /// Budgets that were removed, the latest at the end: calls that began before may still name them.
    gone: VecDeque<BudgetId>,
}

impl Default for Book {
    fn default() -> Self {
        Self::with_room_for(MAX_SCOPES)
    }
}

impl Book {
    /// An empty book.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty book that keeps so many scopes for a budget on each scope of a kind.
    pub fn with_room_for(max_scopes: usize) -> Self {
        Self {
            pots: RwLock::default(),
            pending: Pending::new(),
            crossings: Mutex::default(),
            holds: AtomicU64::new(0),
            serials: Arc::default(),
            max_scopes,
        }
    }

    /// Attempts that something is held or spent for and whose rows are not in the store.
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    fn next_hold(&self) -> u64 {
        self.holds.fetch_add(1, Ordering::Relaxed)
    }

    /// The balances that a call is measured against under a budget. A call sees one configuration from beginning to end:
    /// when the budget's windows were changed meanwhile, the new ones count, and when it is gone, it has none.
    fn pot(&self, budget: &Arc<Budget>) -> Option<Arc<Pot>> {
        {
            let pots = read(&self.pots);
            let current = || pots.by_budget.get(&budget.id).and_then(|pots| pots.last());
            if let Some(pot) = pots.find(budget).or_else(current) {
                return Some(Arc::clone(pot));
            }
            if pots.gone.contains(&budget.id) {
                return None;
            }
        }
        Some(self.open_pot(budget))
    }

    /// The balances of a budget with these windows; new ones, which have to be filled, when there are none.
    fn open_pot(&self, budget: &Arc<Budget>) -> Arc<Pot> {
        if let Some(pot) = self.find_pot(budget) {
            return pot;
        }
        let mut pots = write(&self.pots);
        if let Some(pot) = pots.find(budget) {
            return Arc::clone(pot);
        }
        let pot = Arc::new(Pot::new(budget, Arc::clone(&self.serials), self.max_scopes));
        pots.by_budget.entry(budget.id).or_default().push(Arc::clone(&pot));
        pots.by_scope.add(&pot.reach, pot.tenant, Arc::clone(&pot));
        pot
    }

    fn find_pot(&self, budget: &Budget) -> Option<Arc<Pot>> {
        read(&self.pots).find(budget).cloned()
    }

    /// The pots that have a balance for this scope of a call that this tenant pays.
    fn has_pots(&self) -> bool {
        !read(&self.pots).by_budget.is_empty()
    }

    fn pots_on(&self, tenant: TenantId, scope: &Scope) -> Vec<Arc<Pot>> {
        read(&self.pots).by_scope.on(tenant, scope).cloned().collect()
    }

    fn retain_pots(&self, budgets: &Budgets) {
        let mut pots = write(&self.pots);
        let old = std::mem::take(&mut *pots);
        pots.gone = old.gone;
        for pot in old.by_budget.into_values().flatten() {
            let terms = budgets.iter().find(|budget| pot.is_of(budget));
            pot.change_terms(terms);
            if terms.is_some() {
                pots.by_scope.add(&pot.reach, pot.tenant, Arc::clone(&pot));
                pots.by_budget.entry(pot.budget).or_default().push(pot);
            } else if budgets.get(pot.budget).is_none() {
                pots.gone.push_back(pot.budget);
            }
        }
        while pots.gone.len() > MAX_GONE {
            pots.gone.pop_front();
        }
    }
}

impl Pots {
    fn find(&self, budget: &Budget) -> Option<&Arc<Pot>> {
        self.by_budget.get(&budget.id)?.iter().find(|pot| pot.is_of(budget))
    }
}
