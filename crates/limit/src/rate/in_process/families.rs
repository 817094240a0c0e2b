//! Where counters are found: a family for each limit, in it a counter for each scope.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use foldhash::fast::RandomState;
use keyward_domain::ids::LimitId;
use keyward_domain::limit::Limit;
use keyward_domain::scope::Scope;

use super::super::counter::{Counter, Micros, Shape, micros};
use super::super::limits::Limits;
use crate::sync::{Mutex, RwLock, lock, read, write};

/// The most scopes that one limit counts at the same time. Those with nothing in use are forgotten first; beyond that a
/// scope that was not seen before is refused, so that callers who make up names can neither fill the memory nor pass
/// uncounted. Each limit has its own room: nobody else's is filled.
pub const MAX_SCOPES: usize = 65_536;

/// A family that is full is searched for idle counters once in this time, however many new names come.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// All families.
#[derive(Debug, Default)]
pub(super) struct Families {
    by_limit: RwLock<HashMap<Key, Arc<Mutex<Family>>, RandomState>>,
}

/// The counters of one limit.
#[derive(Debug)]
struct Family {
    counters: HashMap<Scope, Arc<Mutex<Counter>>, RandomState>,
    sweep_after: Micros,
}

type Key = (LimitId, Shape);

/// No room for another scope.
#[derive(Debug)]
pub(super) struct Full;

impl Families {
    /// The counter of a scope, when there is one.
    pub(super) fn find(&self, limit: &Limit, scope: &Scope) -> Option<Arc<Mutex<Counter>>> {
        let family = self.family(&(limit.id, Shape::of(limit)))?;
        lock(&family).counters.get(scope).cloned()
    }

    /// The counter of a scope, made when there is none.
    pub(super) fn find_or_make(&self, limit: &Limit, scope: &Scope, now: Micros) -> Result<Arc<Mutex<Counter>>, Full> {
        let key = (limit.id, Shape::of(limit));
        let family = self.family(&key).unwrap_or_else(|| self.make(key));
        let mut family = lock(&family);
        if let Some(counter) = family.counters.get(scope) {
            return Ok(Arc::clone(counter));
        }
        family.make_room(now)?;
        let counter = Arc::new(Mutex::new(Counter::new(key.1)));
        family.counters.insert(scope.clone(), Arc::clone(&counter));
        Ok(counter)
    }

    /// Forgets the families of other limits. Calls in flight keep nothing of them: places of a limit that is no more
    /// hold nobody up. A limit that is changed keeps every family it had: it may be changed back, and a node's share of a
    /// shared limit is another shape of the same limit.
    pub(super) fn keep(&self, limits: &Limits) {
        let kept: HashSet<LimitId> = limits.all().iter().map(|limit| limit.id).collect();
        write(&self.by_limit).retain(|(limit, _), _| kept.contains(limit));
    }

    fn family(&self, key: &Key) -> Option<Arc<Mutex<Family>>> {
        read(&self.by_limit).get(key).cloned()
    }

    fn make(&self, key: Key) -> Arc<Mutex<Family>> {
        let mut families = write(&self.by_limit);
        let empty = || Arc::new(Mutex::new(Family { counters: HashMap::default(), sweep_after: 0 }));
        Arc::clone(families.entry(key).or_insert_with(empty))
    }
}

impl Family {
    fn make_room(&mut self, now: Micros) -> Result<(), Full> {
        if self.counters.len() < MAX_SCOPES {
            return Ok(());
        }
        if now >= self.sweep_after {
            self.sweep_after = now.saturating_add(micros(SWEEP_EVERY));
            // Whoever holds a counter is about to use it; it was handed out under the family's lock.
            self.counters.retain(|_, counter| Arc::strong_count(counter) > 1 || !lock(counter).is_idle(now));
        }
        if self.counters.len() < MAX_SCOPES { Ok(()) } else { Err(Full) }
    }
}
