//! Between those who learn something on the way of a request and the thread that writes it down. Nobody waits here: when
//! there is too much, the oldest goes.

use std::collections::VecDeque;
use std::sync::mpsc::SyncSender;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use keyward_domain::binding::Binding;
use keyward_domain::standing::KeyEvent;
use keyward_gateway::Keeper;
use keyward_pool::Notice;

/// Changes of standings that wait to be written, at most.
const MAX_EVENTS: usize = 65_536;
/// Bindings that wait to be written, at most. There are many more of them, and a lost one costs a conversation its
/// account only after a restart; so they have a queue of their own.
const MAX_WAITING_BINDINGS: usize = 65_536;

/// What waits to be written.
#[derive(Debug, Default)]
pub(super) struct Mailbox {
    waiting: Mutex<Waiting>,
    wake: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    events: VecDeque<KeyEvent>,
    bindings: VecDeque<Binding>,
    flushes: Vec<SyncSender<bool>>,
    stops: bool,
    lost: u64,
}

/// What the thread is asked to do besides writing.
#[derive(Debug)]
pub(super) struct Orders {
    /// Who waits until everything is written, to be told whether it is.
    pub(super) flushes: Vec<SyncSender<bool>>,
    /// It is over.
    pub(super) stops: bool,
}

/// A way to the mailbox for those who learn something.
#[derive(Debug, Clone)]
pub(super) struct Slot(pub(super) std::sync::Arc<Mailbox>);

impl Notice for Slot {
    fn changed(&self, event: KeyEvent) {
        self.0.add(|waiting| push(&mut waiting.events, event, MAX_EVENTS));
    }
}

impl Keeper for Slot {
    fn keep(&self, binding: Binding) {
        self.0.add(|waiting| push(&mut waiting.bindings, binding, MAX_WAITING_BINDINGS));
    }
}

/// Adds at the end; the oldest makes room. Gives how many had to.
fn push<T>(queue: &mut VecDeque<T>, item: T, most: usize) -> u64 {
    let is_full = queue.len() >= most;
    if is_full {
        queue.pop_front();
    }
    queue.push_back(item);
    u64::from(is_full)
}

impl Mailbox {
    /// Asks to be told when everything that waits now is written, or could not be.
    pub(super) fn flush(&self, done: SyncSender<bool>) {
        self.lock().flushes.push(done);
        self.wake.notify_all();
    }

    /// Asks the thread to write what there is once more and to end.
    pub(super) fn stop(&self) {
        self.lock().stops = true;
        self.wake.notify_all();
    }

    /// Waits until there is something to do, at most this long. With `only_orders`, what waits to be written is no reason
    /// to stop waiting.
    pub(super) fn wait(&self, most: Duration, only_orders: bool) -> Orders {
        let is_idle = |waiting: &mut Waiting| {
            let has_nothing = waiting.events.is_empty() && waiting.bindings.is_empty();
            (only_orders || has_nothing) && waiting.flushes.is_empty() && !waiting.stops
        };
        let waited = self.wake.wait_timeout_while(self.lock(), most, is_idle);
        let mut waiting = waited.unwrap_or_else(PoisonError::into_inner).0;
        Orders { flushes: std::mem::take(&mut waiting.flushes), stops: waiting.stops }
    }

    /// The oldest of what waits, at most so much of each.
    pub(super) fn take(&self, most: usize) -> (Vec<KeyEvent>, Vec<Binding>) {
        let mut waiting = self.lock();
        let (events, bindings) = (waiting.events.len().min(most), waiting.bindings.len().min(most));
        (waiting.events.drain(..events).collect(), waiting.bindings.drain(..bindings).collect())
    }

    fn add(&self, add: impl FnOnce(&mut Waiting) -> u64) {
        let mut waiting = self.lock();
        waiting.lost += add(&mut waiting);
        let lost = waiting.lost;
        drop(waiting);
        self.wake.notify_one();
        if lost.is_power_of_two() {
            tracing::error!(lost, "what pools learn comes faster than the store takes it; the oldest is not kept");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
