use std::collections::HashMap;
use std::hash::BuildHasher as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::fast::RandomState;
use keyward_domain::budget::Budget;
use keyward_domain::ids::{BudgetId, TenantId};
use keyward_domain::scope::{Reach, Scope};
use keyward_domain::time::Timestamp;
use keyward_domain::window::{QUARTER, Windows, quarter_of};

use super::balance::Balance;
use crate::sync::{Mutex, lock};

/// Scopes that one budget on each scope of a kind keeps a balance for. Those without spend make room for others; when
/// there is none to be made, calls of further scopes are refused.
pub const MAX_SCOPES: usize = 100_000;

/// Parts of the table of a budget on each scope of a kind.
const SHARDS: usize = 16;

/// The balances of one budget, as long as its windows stay as they are.
#[derive(Debug)]
pub(super) struct Pot {
    pub(super) budget: BudgetId,
    pub(super) tenant: TenantId,
    pub(super) reach: Reach,
    pub(super) windows: Windows,
    /// The budget as it is now: what holds may grow to, and of which thresholds somebody is told. `None` once it is
    /// gone.
    terms: Mutex<Option<Arc<Budget>>>,
    /// A lock of a shard is taken before that of a balance, and that before the bounds'.
    shards: Box<[Mutex<Balances>]>,
    hasher: RandomState,
    serials: Arc<AtomicU64>,
    bounds: Mutex<Bounds>,
    max_scopes: usize,
}

type Balances = HashMap<Scope, Arc<Balance>, RandomState>;

/// What is true for all scopes of a pot.
#[derive(Debug)]
struct Bounds {
    /// What was spent in windows from this moment on is known, for scopes without a balance too: nothing.
    known_from: Timestamp,
    /// Balances there are.
    live: usize,
    /// Up to this moment, scopes without a balance may have spent something that there was no room to count.
    crowded_until: Timestamp,
    /// The quarter of an hour in which room was last looked for.
    swept: Timestamp,
}

/// There is no room for another scope.
#[derive(Debug)]
pub(super) struct Crowded;

const NEVER: Timestamp = Timestamp::from_unix_millis(i64::MIN);
const UNREAD: Timestamp = Timestamp::from_unix_millis(i64::MAX);

impl Pot {
    pub(super) fn new(budget: &Arc<Budget>, serials: Arc<AtomicU64>, max_scopes: usize) -> Self {
        let shards = if matches!(budget.reach, Reach::Each(_)) { SHARDS } else { 1 };
        Self {
            budget: budget.id,
            tenant: budget.tenant,
            reach: budget.reach.clone(),
            windows: budget.windows.clone(),
            terms: Mutex::new(Some(Arc::clone(budget))),
            shards: (0..shards).map(|_| Mutex::default()).collect(),
            hasher: RandomState::default(),
            serials,
            bounds: Mutex::new(Bounds { known_from: UNREAD, live: 0, crowded_until: NEVER, swept: NEVER }),
            max_scopes,
        }
    }

    /// Whether these are the balances of this budget, which may have been changed since.
    pub(super) fn is_of(&self, budget: &Budget) -> bool {
        let (ours, theirs) = (&self.windows, &budget.windows);
        self.budget == budget.id
            && ours.period == theirs.period
            && ours.zone.name() == theirs.zone.name()
            && self.reach == budget.reach
            && self.tenant == budget.tenant
    }

    pub(super) fn terms(&self) -> Option<Arc<Budget>> {
        lock(&self.terms).clone()
    }

    pub(super) fn change_terms(&self, budget: Option<&Arc<Budget>>) {
        *lock(&self.terms) = budget.cloned();
    }

    /// From when on it is known what was spent.
    pub(super) fn known_from(&self) -> Timestamp {
        lock(&self.bounds).known_from
    }

    /// Whether there may be scopes that have spent something and have no balance.
    pub(super) fn is_crowded(&self, at: Timestamp) -> bool {
        at < lock(&self.bounds).crowded_until
    }

    /// Everything before this moment is forgotten.
    pub(super) fn forget_before(&self, moment: Timestamp) {
        let mut bounds = lock(&self.bounds);
        if bounds.known_from != UNREAD {
            bounds.known_from = bounds.known_from.max(moment);
        }
    }

    pub(super) fn find(&self, scope: &Scope) -> Option<Arc<Balance>> {
        lock(self.shard(scope)?).get(scope).cloned()
    }

    /// The balance of a scope for an attempt of this moment. A scope that nobody knew gets one, if there is room.
    pub(super) fn balance(&self, scope: &Scope, at: Timestamp) -> Result<Arc<Balance>, Crowded> {
        let shard = self.shard(scope).ok_or(Crowded)?;
        {
            let mut balances = lock(shard);
            if let Some(balance) = balances.get(scope) {
                return Ok(Arc::clone(balance));
            }
            let mut bounds = lock(&self.bounds);
            if at < bounds.crowded_until {
                return Err(Crowded);
            }
            if bounds.live < self.max_scopes {
                return Ok(self.insert(&mut balances, &mut bounds, scope));
            }
            // Looking for room takes time, so it is done once in a quarter of an hour, however many calls are refused.
            if bounds.swept == quarter_of(at) {
                return Err(Crowded);
            }
            bounds.swept = quarter_of(at);
        }
        self.sweep(at);
        let mut balances = lock(shard);
        if let Some(balance) = balances.get(scope) {
            return Ok(Arc::clone(balance));
        }
        let mut bounds = lock(&self.bounds);
        let has_room = bounds.live < self.max_scopes && at >= bounds.crowded_until;
        if has_room { Ok(self.insert(&mut balances, &mut bounds, scope)) } else { Err(Crowded) }
    }

    /// The balance of a scope for a row of this moment that cost something. Where there is no room for it, scopes without
    /// a balance are refused until it is out of every window.
    pub(super) fn balance_for_row(&self, scope: &Scope, at: Timestamp) -> Option<Arc<Balance>> {
        let mut balances = lock(self.shard(scope)?);
        if let Some(balance) = balances.get(scope) {
            return Some(Arc::clone(balance));
        }
        let mut bounds = lock(&self.bounds);
        if bounds.live < self.max_scopes {
            return Some(self.insert(&mut balances, &mut bounds, scope));
        }
        let window = self.windows.at(at);
        let until = if self.windows.are_rolling() { at.plus(window.length()).plus(QUARTER) } else { window.until };
        bounds.crowded_until = bounds.crowded_until.max(until);
        None
    }

    /// All balances, in no order.
    pub(super) fn balances(&self) -> Vec<Arc<Balance>> {
        self.shards.iter().flat_map(|shard| lock(shard).values().cloned().collect::<Vec<_>>()).collect()
    }

    /// Says of every scope that has no balance, or one that was not filled, that it spent nothing from this moment on.
    pub(super) fn know_all_from(&self, moment: Timestamp, mut fill: impl FnMut(&Balance)) {
        // First for those to come, then for those that are there: one that comes in between gets both.
        lock(&self.bounds).known_from = moment;
        self.balances().iter().for_each(|balance| fill(balance));
    }

    fn insert(&self, balances: &mut Balances, bounds: &mut Bounds, scope: &Scope) -> Arc<Balance> {
        let serial = self.serials.fetch_add(1, Ordering::Relaxed);
        let balance = Arc::new(Balance::new(serial, scope.clone(), bounds.known_from));
        balances.insert(scope.clone(), Arc::clone(&balance));
        bounds.live += 1;
        balance
    }

    /// Forgets the scopes that have spent nothing in the window of this moment and have nothing reserved.
    fn sweep(&self, at: Timestamp) {
        let since = self.windows.at(at).from;
        let mut forgotten = 0;
        for shard in &self.shards {
            lock(shard).retain(|_, balance| {
                let mut state = balance.lock();
                if !state.is_idle(since) {
                    return true;
                }
                state.is_gone = true;
                forgotten += 1;
                false
            });
        }
        let mut bounds = lock(&self.bounds);
        bounds.live = bounds.live.saturating_sub(forgotten);
        if forgotten > 0 && bounds.known_from != UNREAD {
            // What the forgotten ones spent before is not known any more.
            bounds.known_from = bounds.known_from.max(since);
        }
    }

    fn shard(&self, scope: &Scope) -> Option<&Mutex<Balances>> {
        if let [only] = &*self.shards {
            return Some(only);
        }
        let hash = usize::try_from(self.hasher.hash_one(scope) % u64::try_from(self.shards.len()).ok()?).ok()?;
        self.shards.get(hash)
    }
}
