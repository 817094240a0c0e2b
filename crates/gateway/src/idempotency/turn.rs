//! A call's hold on its name.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use keyward_domain::call_name::{CallName, is_made};
use keyward_domain::ledger::AttemptOutcome;
use keyward_domain::money::Nanodollars;

use crate::worker::Shared;

/// Held by everything that belongs to the call; whoever lets go last says whether it was made.
#[derive(Clone)]
pub(crate) struct Turn(Rc<Inner>);

struct Inner {
    shared: Arc<Shared>,
    name: Arc<CallName>,
    is_made: Cell<bool>,
}

impl Turn {
    pub(super) fn new(shared: &Arc<Shared>, name: CallName) -> Self {
        Self(Rc::new(Inner { shared: Arc::clone(shared), name: Arc::new(name), is_made: Cell::new(false) }))
    }

    /// The name, for the rows of the call's attempts: the next process knows it from there.
    pub(crate) fn name(&self) -> Arc<CallName> {
        Arc::clone(&self.0.name)
    }

    /// An attempt of the call ended so. What was answered well or is charged for, or may be, must not be made again.
    pub(crate) fn settled(&self, outcome: AttemptOutcome, cost: Option<Nanodollars>) {
        if is_made(outcome, cost) {
            self.0.is_made.set(true);
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let repeats = &self.shared.repeats;
        if self.is_made.get() {
            repeats.finish(&self.name.name, self.shared.clock.monotonic());
        } else {
            repeats.free(&self.name.name);
        }
    }
}
