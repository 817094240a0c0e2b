//! A reservation: the right to send one attempt, and the duty to say how it ended. It is consumed exactly once; one
//! that is dropped early says itself that nothing was sent. Whoever sends has to know better
//! ([`OpenAttempt`](crate::stage::attempt::OpenAttempt)).

use std::rc::Rc;
use std::time::Duration;

use keyward_domain::ledger::{AttemptOutcome, Entry, Subject};
use keyward_domain::money::Nanodollars;
use keyward_domain::usage::{Usage, UsageSource};

use super::Ledger;

/// An open reservation of one attempt.
#[must_use = "a reservation has to be settled"]
pub(crate) struct Reservation {
    ledger: Rc<Ledger>,
    subject: Option<Box<Subject>>,
}

/// How an attempt ended, for its ledger row.
pub(crate) struct Spent {
    pub(crate) outcome: AttemptOutcome,
    pub(crate) status: u16,
    pub(crate) usage: Usage,
    pub(crate) source: UsageSource,
    pub(crate) cost: Option<Nanodollars>,
    pub(crate) raw_usage: Option<Box<str>>,
    pub(crate) duration: Duration,
    pub(crate) first_content: Option<Duration>,
    pub(crate) overhead: Duration,
}

impl Spent {
    /// An attempt that the provider charges nothing for.
    pub(crate) fn nothing(outcome: AttemptOutcome, status: u16, duration: Duration) -> Self {
        Self {
            outcome,
            status,
            usage: Usage::default(),
            source: UsageSource::None,
            cost: Some(Nanodollars::ZERO),
            raw_usage: None,
            duration,
            first_content: None,
            overhead: Duration::ZERO,
        }
    }

    /// The row that says so.
    pub(crate) fn into_entry(self, subject: Subject) -> Entry {
        Entry {
            subject,
            outcome: self.outcome,
            status: self.status,
            usage: self.usage,
            source: self.source,
            cost: self.cost,
            raw_usage: self.raw_usage,
            duration: self.duration,
            first_content: self.first_content,
            overhead: self.overhead,
        }
    }
}

impl Reservation {
    pub(super) fn new(ledger: Rc<Ledger>, subject: Box<Subject>) -> Self {
        Self { ledger, subject: Some(subject) }
    }

    /// Writes the ledger row and returns the ledger, to wait on for durability.
    /// Nothing happens when it was written before.
    pub(crate) fn settle(&mut self, spent: Spent) -> Rc<Ledger> {
        self.close(spent);
        Rc::clone(&self.ledger)
    }

    /// What it is about; `None` once its row is written.
    pub(crate) fn subject(&self) -> Option<&Subject> {
        self.subject.as_deref()
    }

    /// Whether its row is still to be written.
    pub(crate) const fn is_open(&self) -> bool {
        self.subject.is_some()
    }

    fn close(&mut self, spent: Spent) {
        let Some(subject) = self.subject.take() else { return };
        self.ledger.settle(spent.into_entry(*subject));
    }
}

/// Dropped without being settled: nothing was sent, and that costs nothing.
impl Drop for Reservation {
    fn drop(&mut self) {
        if self.subject.is_some() {
            self.close(Spent::nothing(AttemptOutcome::NotSent, 0, Duration::ZERO));
        }
    }
}
