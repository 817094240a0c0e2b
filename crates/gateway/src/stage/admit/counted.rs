//! What a call has taken of limits: given back when it was never sent, settled with the truth when it is over.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use keyward_domain::port::{Amounts, Taken};
use keyward_domain::usage::Usage;
use keyward_limit::queue::Want;

use crate::worker::Worker;

/// Held by everything that belongs to the call; whoever lets go last settles it.
#[derive(Clone)]
pub(crate) struct Counted(Rc<Inner>);

struct Inner {
    worker: Rc<Worker>,
    taken: RefCell<Option<Taken>>,
    used: Cell<Amounts>,
    is_sent: Cell<bool>,
}

impl Counted {
    pub(crate) fn new(worker: &Rc<Worker>, taken: Taken) -> Self {
        for ask in taken.would_refuse() {
            worker.shared.metrics.would_refuse_limit(ask);
        }
        Self::again(worker, taken)
    }

    /// Something that was taken earlier, perhaps on another event loop.
    pub(crate) fn again(worker: &Rc<Worker>, taken: Taken) -> Self {
        let taken = RefCell::new(Some(taken));
        let (used, is_sent) = (Cell::new(Amounts::default()), Cell::new(false));
        Self(Rc::new(Inner { worker: Rc::clone(worker), taken, used, is_sent }))
    }

    /// What was taken itself, for whoever sees to it that it is settled.
    pub(crate) fn into_taken(self) -> Option<Taken> {
        self.0.taken.take()
    }

    /// From here on the call counts, whatever becomes of it.
    pub(crate) fn mark_sent(&self) {
        self.0.is_sent.set(true);
    }

    /// An attempt of the call used this.
    pub(crate) fn used(&self, usage: &Usage) {
        let before = self.0.used.get();
        self.0.used.set(Amounts {
            input_tokens: before.input_tokens.saturating_add(usage.prompt_tokens()),
            output_tokens: before.output_tokens.saturating_add(usage.completion_tokens()),
        });
    }

    /// What was taken, for headers.
    pub(crate) fn with<T>(&self, read: impl FnOnce(&Taken) -> T) -> Option<T> {
        self.0.taken.borrow().as_ref().map(read)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let Some(taken) = self.taken.take() else { return };
        let (counters, now) = (&self.worker.shared.counting.counters, self.worker.monotonic());
        let line = &self.worker.shared.line;
        let wants: Vec<Want> =
            if line.is_empty() { Vec::new() } else { taken.parts.iter().map(|part| Want::of_ask(&part.ask)).collect() };
        if self.is_sent.get() {
            counters.settle(taken, self.used.get(), now);
        } else {
            counters.undo(taken, now);
        }
        line.freed(&wants, now);
    }
}
