//! Counting a call: every limit is looked at before any is charged.

use std::sync::Arc;
use std::time::Duration;

use keyward_domain::budget::Mode;
use keyward_domain::ledger::AttemptId;
use keyward_domain::port::{Ask, Level, Mark, Part, Refusal, Taken};

use super::super::counter::{Counter, Micros, Shape, micros};
use super::InProcess;
use crate::sync::{Mutex, MutexGuard, lock};

/// A limit that counts as many scopes as it can has room for another one when some are idle again.
const FULL_RETRY: Duration = Duration::from_secs(1);

/// An ask and the counter that answers it; none when the limit cannot count another scope.
type Seat = (Ask, Option<Arc<Mutex<Counter>>>);

impl InProcess {
    /// [`Counters::take`](keyward_domain::port::Counters::take), at once.
    pub fn take_now(&self, asks: Vec<Ask>, id: AttemptId, now: Duration) -> Result<Taken, Refusal> {
        let now = micros(now);
        let asks = in_order(asks);
        if let Some(ask) = asks.iter().find(|ask| ask.exceeds() && enforced(ask)) {
            return Err(Refusal::Exceeds(ask.reached(Duration::ZERO)));
        }
        let seats: Vec<Seat> = asks.into_iter().map(|ask| self.seat(ask, now)).collect();
        // INVARIANT: locked in the order of the counters' keys, each once, so that two calls never wait for each other
        // (l03_no_order_of_locks_lets_too_many_in_or_loses_a_place).
        let mut locked: Vec<Option<MutexGuard<'_, Counter>>> =
            seats.iter().map(|(_, counter)| counter.as_deref().map(lock)).collect();
        let waits: Vec<Option<Duration>> =
            seats.iter().zip(&mut locked).map(|((ask, _), counter)| wait(ask, counter.as_deref_mut(), now)).collect();
        refused(&seats, &waits)?;
        let levels: Vec<(Mark, Level)> = seats
            .iter()
            .zip(&mut locked)
            .zip(&waits)
            .map(|(((ask, _), counter), wait)| charge(ask, counter.as_deref_mut(), wait.is_none(), now))
            .collect();
        drop(locked);
        let parts = seats.into_iter().zip(levels).zip(waits).map(|(((ask, _), (mark, level)), wait)| Part {
            ask,
            mark,
            level,
            would_refuse: wait.is_some(),
        });
        Ok(Taken { id, parts: parts.collect() })
    }

    fn seat(&self, ask: Ask, now: Micros) -> Seat {
        let counter = self.families.find_or_make(&ask.limit, &ask.scope, now).ok();
        (ask, counter)
    }
}

/// Sorted by the counters' keys; asks of the same counter become one.
fn in_order(mut asks: Vec<Ask>) -> Vec<Ask> {
    asks.sort_by(|a, b| key(a).cmp(&key(b)));
    asks.dedup_by(|later, first| {
        let same = key(later) == key(first);
        if same {
            first.amount = first.amount.saturating_add(later.amount);
        }
        same
    });
    asks
}

fn key(ask: &Ask) -> (u128, Shape, &keyward_domain::scope::Scope) {
    (ask.limit.id.bits(), Shape::of(&ask.limit), &ask.scope)
}

fn enforced(ask: &Ask) -> bool {
    ask.limit.mode == Mode::Enforce
}

/// How long the ask has to wait; nothing when there is room.
fn wait(ask: &Ask, counter: Option<&mut Counter>, now: Micros) -> Option<Duration> {
    let Some(counter) = counter else { return Some(FULL_RETRY) };
    if ask.exceeds() {
        counter.pass(&ask.limit, now);
        return Some(Duration::MAX);
    }
    counter.room(ask, now).err()
}

/// The enforced limit that has room last.
fn refused(seats: &[Seat], waits: &[Option<Duration>]) -> Result<(), Refusal> {
    let waiting = seats.iter().zip(waits).filter(|((ask, _), _)| enforced(ask));
    let longest = waiting.filter_map(|((ask, _), wait)| Some((ask, (*wait)?))).max_by_key(|(_, wait)| *wait);
    longest.map_or(Ok(()), |(ask, wait)| Err(Refusal::Reached(ask.reached(wait))))
}

fn charge(ask: &Ask, counter: Option<&mut Counter>, fits: bool, now: Micros) -> (Mark, Level) {
    let Some(counter) = counter else { return (Mark::Nowhere, Level::default()) };
    let mark = if fits { Mark::Here(counter.charge(ask.amount, now)) } else { Mark::Nowhere };
    (mark, counter.level(&ask.limit, now))
}
