//! The control plane's view of what budgets and limits have left: the very figures that calls are measured against.

use std::sync::Arc;

use keyward_admin::control::Allowances;
use keyward_domain::port::Counters;
use keyward_limit::book::Book;

use super::counts::Counts;

/// What calls spend and use.
pub struct LiveAllowances(pub Arc<Counts>);

impl Allowances for LiveAllowances {
    fn book(&self) -> &Book {
        &self.0.counting.book
    }

    fn counters(&self) -> &dyn Counters {
        self.0.counting.counters.as_ref()
    }

    fn degraded(&self) -> Option<String> {
        self.0.degraded()
    }
}
