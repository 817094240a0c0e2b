//! Calls that wait for a moment because a limit or every provider key is full.
//!
//! - Those who want the same stand in one line ([`Want`]). Higher priorities go first; within a priority the tenants take
//!   turns, by deficit round robin.
//! - Only the head of a line tries. Whoever frees something, and whoever leaves the front, rings the bell of one waiter:
//!   the head. Nobody else wakes, however many wait.
//! - Places are bounded, altogether and for each tenant. Where there is none left, the newest waiter of the lowest priority
//!   makes room for a higher one, or else the newcomer is refused.
//! - Every waiter has a deadline, and is out of the line when that has passed, even if its own thread does not get to run.
//!
//! Nothing here knows what a call is, or takes or counts anything: a waiter that tries asks the limits, or the pool, and
//! says what came of it.

mod line;
mod turns;
mod want;

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use foldhash::fast::RandomState;
use keyward_domain::ids::{ProviderId, TenantId};
use keyward_domain::virtual_key::Priority;

use line::Line;
pub use want::Want;

/// Calls that may wait at once in one process, unless the operator says otherwise.
pub const DEFAULT_PLACES: usize = 1_024;
/// The most that an operator may set: each waiting call keeps its request in memory.
pub const MAX_PLACES: usize = 65_536;

/// The waiting calls of one process. `B` wakes a waiter.
#[derive(Debug)]
pub struct Queue<B> {
    places: Places,
    lines: HashMap<Want, Line, RandomState>,
    waiters: HashMap<Ticket, Waiter<B>, RandomState>,
    /// All waiters, lowest priority first and oldest first within it.
    ranks: BTreeSet<(Priority, Ticket)>,
    /// The same for each tenant.
    of_tenant: HashMap<TenantId, BTreeSet<(Priority, Ticket)>, RandomState>,
    /// All waiters, by their deadlines.
    deadlines: BTreeSet<(Duration, Ticket)>,
    next: u64,
}

/// How many may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Places {
    /// Altogether.
    pub all: usize,
    /// Of one tenant.
    pub per_tenant: usize,
}

/// A waiter, in the order in which they came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(u64);

/// Who waits, and for what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// For what.
    pub want: Want,
    /// Whose call it is.
    pub tenant: TenantId,
    /// How urgent it is.
    pub priority: Priority,
    /// How much of what it wants it takes: 1 for calls and places, the expected number for tokens.
    pub cost: u64,
    /// When it gives up, in monotonic time.
    pub deadline: Duration,
}

/// Wakes a waiter, whichever thread it is on. Called while the queue is locked: must not wait.
pub trait Bell {
    /// Look where you stand.
    fn ring(&self);
}

/// Where a waiter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// First: it may try.
    Head,
    /// Somebody else is first.
    Behind,
    /// It is not in line any more: its deadline has passed, or it had to make room.
    Gone,
}

/// How a waiter leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// It has what it wanted.
    Served,
    /// It does not want it any more.
    Unserved,
}

/// There is no place to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full {
    /// When there is one at the latest, and what is wanted is not known to be out of reach.
    pub retry_after: Duration,
}

#[derive(Debug)]
struct Waiter<B> {
    entry: Entry,
    bell: B,
}

impl Places {
    /// So many altogether, and half of them for one tenant: nobody fills the queue alone.
    pub const fn new(all: usize) -> Self {
        Self { all, per_tenant: all.div_ceil(2) }
    }
}

impl<B: Bell> Queue<B> {
    /// Nobody waits.
    pub fn new(places: Places) -> Self {
        Self {
            places,
            lines: HashMap::default(),
            waiters: HashMap::default(),
            ranks: BTreeSet::new(),
            of_tenant: HashMap::default(),
            deadlines: BTreeSet::new(),
            next: 0,
        }
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.waiters.len()
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.waiters.is_empty()
    }

    /// Gets in line; or is refused, because neither is there a place left nor anybody who has to make room.
    pub fn join(&mut self, entry: Entry, bell: B, now: Duration) -> Result<Ticket, Full> {
        self.expire(now);
        self.make_room(&entry, now)?;
        let ticket = Ticket(self.next);
        self.next = self.next.saturating_add(1);
        let rank = (entry.priority, ticket);
        self.ranks.insert(rank);
        self.of_tenant.entry(entry.tenant).or_default().insert(rank);
        self.deadlines.insert((entry.deadline, ticket));
        self.stand(&entry, ticket);
        self.waiters.insert(ticket, Waiter { entry, bell });
        Ok(ticket)
    }

    /// Where a waiter stands.
    pub fn standing(&self, ticket: Ticket) -> Standing {
        let Some(waiter) = self.waiters.get(&ticket) else { return Standing::Gone };
        let head = self.lines.get(&waiter.entry.want).and_then(Line::head);
        if head == Some(ticket) { Standing::Head } else { Standing::Behind }
    }

    /// The first of these wants that others wait for, as urgently or more: who comes now stands behind them.
    pub fn behind<'a>(&self, wants: impl IntoIterator<Item = &'a Want>, priority: Priority) -> Option<&'a Want> {
        let is_before = |line: &Line| line.highest().is_some_and(|highest| highest >= priority);
        wants.into_iter().find(|want| self.lines.get(want).is_some_and(is_before))
    }

    /// A waiter tried and was refused: there is no room before `until`. When something else stood in its way than what it
    /// waited for, it goes to that line, to where it would stand had it been there from the beginning.
    pub fn refused(&mut self, ticket: Ticket, want: &Want, cost: u64, until: Duration) {
        let Some(waiter) = self.waiters.get_mut(&ticket) else { return };
        if waiter.entry.want != *want {
            let before = waiter.entry.clone();
            (waiter.entry.want, waiter.entry.cost) = (want.clone(), cost);
            let entry = waiter.entry.clone();
            self.step_out(&before, ticket, Left::Unserved);
            self.stand(&entry, ticket);
        }
        if let Some(line) = self.lines.get_mut(want) {
            line.until = until;
        }
    }

    /// A waiter leaves. Whoever is first then may try.
    pub fn leave(&mut self, ticket: Ticket, how: Left) {
        self.take_out(ticket, how);
    }

    /// There may be room: the head of that line may try.
    pub fn freed(&mut self, want: &Want, now: Duration) {
        self.expire(now);
        self.ring_head(want);
    }

    /// A key of this provider is free: the head of each line for its keys may try.
    pub fn freed_key(&mut self, provider: ProviderId, now: Duration) {
        self.expire(now);
        let lines = self.lines.iter().filter(|(want, _)| want.is_key_of(provider));
        for head in lines.filter_map(|(_, line)| line.head()) {
            if let Some(waiter) = self.waiters.get(&head) {
                waiter.bell.ring();
            }
        }
    }

    /// Whoever's deadline has passed is out of the line.
    pub fn expire(&mut self, now: Duration) {
        while let Some((_, ticket)) = self.deadlines.first().copied().filter(|(deadline, _)| *deadline <= now) {
            if let Some(late) = self.take_out(ticket, Left::Unserved) {
                late.bell.ring();
            }
        }
    }

    /// When it is worth coming back for this: not before there is room for anybody, and not before the queue has moved,
    /// which it has when the next deadline passes.
    pub fn retry_after(&self, want: &Want, now: Duration) -> Duration {
        let moved = self.deadlines.first().map_or(Duration::ZERO, |(deadline, _)| *deadline);
        self.until(want).max(moved).saturating_sub(now)
    }

    fn until(&self, want: &Want) -> Duration {
        self.lines.get(want).map_or(Duration::ZERO, |line| line.until)
    }

    /// INVARIANT: never more than `places.all` wait, and never more than `places.per_tenant` of one tenant
    /// (l05_neither_bound_is_ever_exceeded).
    fn make_room(&mut self, entry: &Entry, now: Duration) -> Result<(), Full> {
        let of_tenant = self.of_tenant.get(&entry.tenant);
        if of_tenant.is_some_and(|ranks| ranks.len() >= self.places.per_tenant) || self.places.per_tenant == 0 {
            let newest = of_tenant.and_then(newest_of_lowest);
            return self.shed(newest, entry).map_err(|()| self.tenant_full(entry, now));
        }
        if self.waiters.len() >= self.places.all {
            let newest = newest_of_lowest(&self.ranks);
            let retry_after = self.retry_after(&entry.want, now);
            return self.shed(newest, entry).map_err(|()| Full { retry_after });
        }
        Ok(())
    }

    /// Makes the newest of the lowest priority leave for a call of a higher one.
    fn shed(&mut self, newest: Option<(Priority, Ticket)>, entry: &Entry) -> Result<(), ()> {
        let (_, ticket) = newest.filter(|(lowest, _)| *lowest < entry.priority).ok_or(())?;
        if let Some(shed) = self.take_out(ticket, Left::Unserved) {
            shed.bell.ring();
        }
        Ok(())
    }

    /// The tenant's own next deadline frees a place for it; those of others do not.
    fn tenant_full(&self, entry: &Entry, now: Duration) -> Full {
        let is_own = |ticket: &Ticket| self.waiters.get(ticket).is_some_and(|own| own.entry.tenant == entry.tenant);
        let moved = self.deadlines.iter().find(|(_, ticket)| is_own(ticket)).map_or(Duration::ZERO, |(at, _)| *at);
        Full { retry_after: self.until(&entry.want).max(moved).saturating_sub(now) }
    }

    fn stand(&mut self, entry: &Entry, ticket: Ticket) {
        let line = self.lines.entry(entry.want.clone()).or_default();
        line.add(entry.priority, entry.tenant, ticket, entry.cost);
    }

    fn take_out(&mut self, ticket: Ticket, how: Left) -> Option<Waiter<B>> {
        let waiter = self.waiters.remove(&ticket)?;
        let (entry, rank) = (&waiter.entry, (waiter.entry.priority, ticket));
        self.ranks.remove(&rank);
        self.deadlines.remove(&(entry.deadline, ticket));
        if let Some(ranks) = self.of_tenant.get_mut(&entry.tenant) {
            ranks.remove(&rank);
            if ranks.is_empty() {
                self.of_tenant.remove(&entry.tenant);
            }
        }
        self.step_out(entry, ticket, how);
        Some(waiter)
    }

    /// Out of a line; when that brings somebody else to its front, they may try.
    fn step_out(&mut self, entry: &Entry, ticket: Ticket, how: Left) {
        let Some(line) = self.lines.get_mut(&entry.want) else { return };
        let before = line.head();
        line.remove(entry.priority, entry.tenant, ticket, how == Left::Served);
        let is_another = line.head() != before;
        if line.is_empty() {
            self.lines.remove(&entry.want);
        } else if is_another {
            self.ring_head(&entry.want);
        }
    }

    fn ring_head(&self, want: &Want) {
        let head = self.lines.get(want).and_then(Line::head);
        if let Some(waiter) = head.and_then(|head| self.waiters.get(&head)) {
            waiter.bell.ring();
        }
    }
}

fn newest_of_lowest(ranks: &BTreeSet<(Priority, Ticket)>) -> Option<(Priority, Ticket)> {
    let (lowest, _) = *ranks.first()?;
    ranks.range(..=(lowest, Ticket(u64::MAX))).next_back().copied()
}
