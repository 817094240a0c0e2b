//! The event loop's end of the ledger: appends gather while the loop turns, one write commits them all, and whoever
//! waits goes on. With the default durability that write reaches the kernel, so a killed process loses nothing.

mod reservation;

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

use keyward_domain::denial::Denial;
use keyward_domain::ledger::{Entry, Refusal, Subject};
use keyward_domain::port::{Durability, Journal};
use tokio::sync::Notify;

pub(crate) use reservation::{Reservation, Spent};

/// One event loop's writer.
pub(crate) struct Ledger {
    journal: RefCell<Box<dyn Journal>>,
    durability: Durability,
    batch: RefCell<Rc<Batch>>,
    work: Notify,
    pending: Cell<bool>,
}

/// What is committed together.
#[derive(Default)]
struct Batch {
    outcome: Cell<Option<bool>>,
    waiting: RefCell<Vec<Waker>>,
}

/// The answer when the journal cannot be written: nothing is sent on the strength of a failed commit.
const UNWRITABLE: Denial = Denial::Overloaded("The ledger cannot be written, so nothing is sent.");

impl Ledger {
    pub(crate) fn new(journal: Box<dyn Journal>, durability: Durability) -> Self {
        Self {
            journal: RefCell::new(journal),
            durability,
            batch: RefCell::default(),
            work: Notify::new(),
            pending: Cell::new(false),
        }
    }

    /// Notes that this attempt is about to be sent, and waits until that is durable.
    pub(crate) async fn reserve(self: &Rc<Self>, subject: Box<Subject>) -> Result<Reservation, Denial> {
        self.journal.borrow_mut().reserve(&subject);
        let reservation = Reservation::new(Rc::clone(self), subject);
        // After a failed commit the reservation is dropped here, which notes that nothing was sent.
        self.committed().await?;
        Ok(reservation)
    }

    /// Notes how an attempt ended; [`Ledger::committed`] tells when that is durable.
    fn settle(&self, entry: Entry) {
        self.journal.borrow_mut().settle(entry);
        self.schedule();
    }

    /// Notes a row that was reserved elsewhere: a lease's own record is its reservation.
    pub(crate) fn post(&self, entry: Entry) {
        self.settle(entry);
    }

    /// Notes a refusal. Nobody waits for it.
    pub(crate) fn refuse(&self, refusal: Refusal) {
        self.journal.borrow_mut().refuse(refusal);
        self.schedule();
    }

    /// Waits for the commit of everything appended so far.
    pub(crate) async fn committed(&self) -> Result<(), Denial> {
        let batch = Rc::clone(&self.batch.borrow());
        self.schedule();
        poll_fn(|cx| match batch.outcome.get() {
            Some(true) => Poll::Ready(Ok(())),
            Some(false) => Poll::Ready(Err(UNWRITABLE)),
            None => {
                batch.waiting.borrow_mut().push(cx.waker().clone());
                Poll::Pending
            }
        })
        .await
    }

    /// Commits batch after batch; one task per event loop. It is woken behind the tasks that are ready, so that each
    /// turn of the loop makes one commit.
    pub(crate) async fn run(&self) {
        loop {
            self.work.notified().await;
            self.commit().await;
        }
    }

    /// Commits what has gathered. Called once more after the last connection is gone.
    pub(crate) async fn commit(&self) {
        self.pending.set(false);
        let batch = self.batch.replace(Rc::default());
        let written = self.journal.borrow_mut().commit();
        let outcome = match written {
            Ok(()) if self.durability == Durability::Strict => self.synced().await,
            Ok(()) => true,
            Err(error) => {
                tracing::error!(%error, "the ledger journal could not be written; calls are refused until it can");
                false
            }
        };
        batch.outcome.set(Some(outcome));
        for waker in batch.waiting.take() {
            waker.wake();
        }
    }

    async fn synced(&self) -> bool {
        let syncer = self.journal.borrow().syncer();
        match tokio::task::spawn_blocking(move || syncer.sync()).await {
            Ok(Ok(())) => true,
            Ok(Err(error)) => {
                tracing::error!(%error, "the ledger could not be synced to disk");
                false
            }
            Err(_) => false,
        }
    }

    fn schedule(&self) {
        if !self.pending.replace(true) {
            self.work.notify_one();
        }
    }
}
