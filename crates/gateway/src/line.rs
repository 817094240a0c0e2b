//! Calls that wait in line for room in a limit or for a provider key, over all event loops: whoever frees something on
//! one of them wakes the next waiter, wherever that is.

use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use keyward_domain::ids::{ProviderId, TenantId};
use keyward_domain::virtual_key::Priority;
use keyward_limit::queue::{Bell, Entry, Full, Left, Queue, Standing, Ticket, Want};
use tokio::sync::Notify;
use tokio::time::{Instant, Sleep, sleep};

use crate::options;
use crate::worker::Worker;

/// All lines.
pub(crate) struct Line {
    queue: Mutex<Queue<Alarm>>,
    /// How many wait, so that nobody takes the lock when nobody does.
    waiting: AtomicUsize,
}

/// Wakes the task of one waiter.
#[derive(Clone, Default)]
struct Alarm(Arc<Notify>);

impl Bell for Alarm {
    fn ring(&self) {
        self.0.notify_one();
    }
}

/// Whose call it is, and how urgent.
#[derive(Clone, Copy)]
pub(crate) struct Who {
    pub(crate) tenant: TenantId,
    pub(crate) priority: Priority,
}

/// A call's place in line. Let go of, it is the next one's turn.
pub(crate) struct Wait {
    worker: Rc<Worker>,
    ticket: Ticket,
    want: Want,
    alarm: Alarm,
    began: Instant,
    /// How long it may wait.
    patience: Duration,
    time_up: Pin<Box<Sleep>>,
    left: Left,
}

/// Why a call does not wait any longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gone {
    /// It may not wait longer.
    TimeUp,
    /// A more urgent call has its place.
    Shed,
}

impl Line {
    pub(crate) fn new(options: &options::Queue) -> Self {
        Self { queue: Mutex::new(Queue::new(options.places)), waiting: AtomicUsize::new(0) }
    }

    /// Whether nobody waits for anything.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.load(Acquire) == 0
    }

    /// The first of these that others wait for who are as urgent.
    pub(crate) fn behind(&self, wants: &[Want], priority: Priority) -> Option<Want> {
        if self.is_empty() {
            return None;
        }
        self.with(|queue| queue.behind(wants, priority).cloned())
    }

    /// There may be room again.
    pub(crate) fn freed(&self, wants: &[Want], now: Duration) {
        if !self.is_empty() {
            self.with(|queue| wants.iter().for_each(|want| queue.freed(want, now)));
        }
    }

    /// A key of this provider is free again.
    pub(crate) fn freed_key(&self, provider: ProviderId, now: Duration) {
        if !self.is_empty() {
            self.with(|queue| queue.freed_key(provider, now));
        }
    }

    fn with<T>(&self, change: impl FnOnce(&mut Queue<Alarm>) -> T) -> T {
        // A waiter lost or kept by a thread that panicked is out at its deadline.
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = change(&mut queue);
        self.waiting.store(queue.len(), Release);
        answer
    }
}

impl Wait {
    /// Gets in line for at most this long.
    pub(crate) fn join(worker: &Rc<Worker>, who: Who, want: Want, cost: u64, patience: Duration) -> Result<Self, Full> {
        let (alarm, now) = (Alarm::default(), worker.monotonic());
        let deadline = now.saturating_add(patience);
        let entry = Entry { want: want.clone(), tenant: who.tenant, priority: who.priority, cost, deadline };
        let shared = &worker.shared;
        let joined = shared.line.with(|queue| queue.join(entry, alarm.clone(), now));
        let ticket = joined.inspect_err(|_| shared.metrics.shed(&want, "full"))?;
        shared.metrics.waits(&want);
        Ok(Self {
            worker: Rc::clone(worker),
            ticket,
            want,
            alarm,
            began: Instant::now(),
            patience,
            time_up: Box::pin(sleep(patience)),
            left: Left::Unserved,
        })
    }

    /// What it waits for.
    pub(crate) const fn want(&self) -> &Want {
        &self.want
    }

    /// Whether it may try.
    pub(crate) fn is_first(&self) -> bool {
        self.standing() == Standing::Head
    }

    /// How much longer it may wait.
    pub(crate) fn patience(&self) -> Duration {
        self.patience.saturating_sub(self.began.elapsed())
    }

    /// It tried and was refused by this, which has no room for so long.
    pub(crate) fn refused(&mut self, want: Want, cost: u64, retry_after: Duration) {
        let until = self.worker.monotonic().saturating_add(retry_after);
        self.worker.shared.line.with(|queue| queue.refused(self.ticket, &want, cost, until));
        if self.want != want {
            self.worker.shared.metrics.waits_no_more(&self.want);
            self.worker.shared.metrics.waits(&want);
            self.want = want;
        }
    }

    /// Waits until it may try: until it is first and something was freed, or, being first, for `again`.
    pub(crate) async fn comes(&mut self, again: Duration) -> Result<(), Gone> {
        loop {
            let standing = self.standing();
            if standing == Standing::Gone {
                return Err(self.gone(if self.patience().is_zero() { Gone::TimeUp } else { Gone::Shed }));
            }
            let again = async {
                match standing {
                    Standing::Head => sleep(again).await,
                    Standing::Behind | Standing::Gone => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = self.alarm.0.notified() => {}
                () = &mut self.time_up => return Err(self.gone(Gone::TimeUp)),
                () = again => {}
            }
            if self.is_first() {
                return Ok(());
            }
        }
    }

    /// When it is worth coming back, for whoever did not get its turn.
    pub(crate) fn retry_after(&self) -> Duration {
        let now = self.worker.monotonic();
        self.worker.shared.line.with(|queue| {
            // Others move the line; this one is about to leave it.
            queue.leave(self.ticket, Left::Unserved);
            queue.retry_after(&self.want, now)
        })
    }

    /// It has what it waited for. Gives how long that took.
    pub(crate) fn served(mut self) -> Duration {
        self.left = Left::Served;
        self.began.elapsed()
    }

    fn standing(&self) -> Standing {
        self.worker.shared.line.with(|queue| queue.standing(self.ticket))
    }

    fn gone(&self, gone: Gone) -> Gone {
        let why = match gone {
            Gone::TimeUp => "deadline",
            Gone::Shed => "full",
        };
        self.worker.shared.metrics.shed(&self.want, why);
        gone
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        self.worker.shared.line.with(|queue| queue.leave(self.ticket, self.left));
        self.worker.shared.metrics.waits_no_more(&self.want);
        self.worker.shared.metrics.waited(self.began.elapsed());
    }
}

impl fmt::Debug for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wait").field("ticket", &self.ticket).field("want", &self.want).finish_non_exhaustive()
    }
}
