//! Settling and undoing.

use std::time::Duration;

use keyward_domain::limit::Meter;
use keyward_domain::port::{Amounts, Mark, Part};

use super::super::counter::micros;
use super::InProcess;
use crate::sync::lock;

impl InProcess {
    /// Replaces what was expected by what was used. What was used beyond it counts from now on: the window of the
    /// beginning may be over already.
    pub fn settle_part(&self, part: &Part, used: Amounts, now: Duration) {
        let Mark::Here(_) = part.mark else { return };
        let (expected, used) = match part.ask.limit.meter {
            Meter::Concurrency => (part.ask.amount, 0),
            Meter::Requests => return,
            meter => (part.ask.amount, used.of(meter)),
        };
        if used > expected {
            self.add(part, used - expected, now);
        } else {
            self.give_back(part, expected - used);
        }
    }

    /// Takes everything back.
    pub fn undo_part(&self, part: &Part) {
        self.give_back(part, part.ask.amount);
    }

    fn give_back(&self, part: &Part, amount: u64) {
        let Mark::Here(noted) = part.mark else { return };
        // A counter that was forgotten had nothing in use.
        if let Some(counter) = self.families.find(&part.ask.limit, &part.ask.scope) {
            lock(&counter).give_back(amount, noted);
        }
    }

    fn add(&self, part: &Part, amount: u64, now: Duration) {
        let now = micros(now);
        let Ok(counter) = self.families.find_or_make(&part.ask.limit, &part.ask.scope, now) else { return };
        let mut counter = lock(&counter);
        counter.pass(&part.ask.limit, now);
        counter.owe(amount, &part.ask.limit, now);
    }
}
