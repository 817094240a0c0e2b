use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::BuildHasher as _;
use std::sync::Arc;

use foldhash::fast::RandomState;
use keyward_domain::ledger::AttemptId;
use keyward_domain::time::Timestamp;

use super::balance::{Balance, Legs, Sums};
use super::pot::Pot;
use crate::sync::{Mutex, MutexGuard, lock};

/// Parts of the table of attempts.
const SHARDS: u64 = 32;

/// Attempts whose rows are not in the store, and what is held or spent for them. Bounded by the calls in flight and the
/// rows that wait for the store.
#[derive(Debug)]
pub(super) struct Pending {
    shards: Box<[Mutex<Attempts>]>,
    hasher: RandomState,
}

/// A part of the table. Its lock is taken before those of balances.
type Attempts = HashMap<AttemptId, Vec<Charge>, RandomState>;

/// What one hold charged.
#[derive(Debug, Clone)]
pub(super) struct Charge {
    /// Which hold, of those that the attempt had.
    pub(super) hold: u64,
    /// The moment of the attempt.
    pub(super) at: Timestamp,
    /// What every leg has reserved, or what it cost in the end.
    pub(super) amount: i64,
    pub(super) is_settled: bool,
    pub(super) legs: Vec<Leg>,
}

/// A part of one balance.
#[derive(Debug, Clone)]
pub(super) struct Leg {
    pub(super) pot: Arc<Pot>,
    pub(super) balance: Arc<Balance>,
    pub(super) bucket: Timestamp,
}

impl Charge {
    /// What each leg adds to its bucket.
    pub(super) fn sums(&self) -> Sums {
        if self.is_settled { Sums::settled(self.amount) } else { Sums::open(self.amount) }
    }

    /// Takes it away from every balance.
    pub(super) fn withdraw(&self) {
        for leg in &self.legs {
            leg.balance.lock().post(leg.bucket, Sums::default(), self.sums(), Legs::Less);
        }
    }
}

impl Pending {
    pub(super) fn new() -> Self {
        Self { shards: (0..SHARDS).map(|_| Mutex::default()).collect(), hasher: RandomState::default() }
    }

    pub(super) fn insert(&self, attempt: AttemptId, charge: Charge) {
        if let Some(mut shard) = self.lock(attempt) {
            shard.entry(attempt).or_default().push(charge);
        }
    }

    /// The part of the table in which the attempt is, locked.
    pub(super) fn lock(&self, attempt: AttemptId) -> Option<MutexGuard<'_, Attempts>> {
        let hash = usize::try_from(self.hasher.hash_one(attempt) % SHARDS).ok()?;
        self.shards.get(hash).map(lock)
    }

    /// Attempts there are.
    pub(super) fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).len()).sum()
    }
}

/// The charge of this hold, if its row is not in the store yet.
pub(super) fn charge_of(attempts: &mut Attempts, attempt: AttemptId, hold: u64) -> Option<&mut Charge> {
    attempts.get_mut(&attempt)?.iter_mut().find(|charge| charge.hold == hold)
}

/// Takes the charge of this hold out of the table.
pub(super) fn remove(attempts: &mut Attempts, attempt: AttemptId, hold: u64) -> Option<Charge> {
    let Entry::Occupied(mut entry) = attempts.entry(attempt) else { return None };
    let index = entry.get().iter().position(|charge| charge.hold == hold)?;
    let charge = entry.get_mut().swap_remove(index);
    if entry.get().is_empty() {
        entry.remove();
    }
    Some(charge)
}
