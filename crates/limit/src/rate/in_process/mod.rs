//! Counters in the memory of this process, shared by all event loops. Exact; every answer is there at once.

mod families;
mod give;
mod take;

use std::sync::Arc;
use std::time::Duration;

use keyward_domain::ledger::AttemptId;
use keyward_domain::limit::Limit;
use keyward_domain::port::{Amounts, Answer, Ask, Counters, Level, Refusal, Taken};
use keyward_domain::scope::Scope;

pub use families::MAX_SCOPES;

use super::counter::{Counter, Shape, micros};
use super::limits::Limits;
use crate::sync::lock;
use families::Families;

/// Counters in the memory of this process.
#[derive(Debug, Default)]
pub struct InProcess {
    families: Families,
}

impl InProcess {
    /// Forgets the counters of limits that are no more.
    pub fn keep(&self, limits: &Limits) {
        self.families.keep(limits);
    }

    /// [`Counters::view`], at once.
    pub fn level(&self, limit: &Limit, scope: &Scope, now: Duration) -> Level {
        let now = micros(now);
        let read = |counter: &mut Counter| {
            counter.pass(limit, now);
            counter.level(limit, now)
        };
        match self.families.find(limit, scope) {
            Some(counter) => read(&mut lock(&counter)),
            None => read(&mut Counter::new(Shape::of(limit))),
        }
    }
}

impl Counters for InProcess {
    fn take(&self, asks: Vec<Ask>, id: AttemptId, now: Duration) -> Answer<Result<Taken, Refusal>> {
        Answer::ready(self.take_now(asks, id, now))
    }

    fn settle(&self, taken: Taken, used: Amounts, now: Duration) {
        for part in &taken.parts {
            self.settle_part(part, used, now);
        }
    }

    fn undo(&self, taken: Taken, _now: Duration) {
        for part in &taken.parts {
            self.undo_part(part);
        }
    }

    fn view(&self, limit: &Arc<Limit>, scope: &Scope, now: Duration) -> Answer<Level> {
        Answer::ready(self.level(limit, scope, now))
    }
}
