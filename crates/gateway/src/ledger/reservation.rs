//! A reservation: the right to send one attempt, and the duty to say how it ended. It is consumed exactly once; one
//! that is dropped early says so itself.

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
    /// How it ends when it is dropped after being sent.
    if_dropped: Option<Box<Spent>>,
    sent: bool,
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
}

impl Reservation {
    pub(super) fn new(ledger: Rc<Ledger>, subject: Subject, if_dropped: Spent) -> Self {
        Self { ledger, subject: Some(Box::new(subject)), if_dropped: Some(Box::new(if_dropped)), sent: false }
    }

    /// From here on the provider may have been reached: an early end costs what was reserved, as an estimate.
    pub(crate) fn mark_sent(&mut self) {
        self.sent = true;
    }

    /// Writes the ledger row and returns the ledger, to wait on for durability.
    pub(crate) fn settle(mut self, spent: Spent) -> Rc<Ledger> {
        self.close(spent);
        Rc::clone(&self.ledger)
    }

    fn close(&mut self, spent: Spent) {
        let Some(subject) = self.subject.take() else { return };
        self.ledger.settle(Entry {
            subject: *subject,
            outcome: spent.outcome,
            status: spent.status,
            usage: spent.usage,
            source: spent.source,
            cost: spent.cost,
            raw_usage: spent.raw_usage,
            duration: spent.duration,
            first_content: spent.first_content,
            overhead: spent.overhead,
        });
    }
}

/// Dropped without being settled: the client went away before the provider's answer began, or a task was cancelled.
/// What was sent may be billed, so its prompt is charged, marked as an estimate; what was not sent costs nothing.
impl Drop for Reservation {
    fn drop(&mut self) {
        if self.subject.is_none() {
            return;
        }
        let estimate = self.if_dropped.take().filter(|_| self.sent);
        self.close(estimate.map_or_else(|| Spent::nothing(AttemptOutcome::NotSent, 0, Duration::ZERO), |spent| *spent));
    }
}
