//! What budgets and limits have left: a real book and real counters, over the test's store.

use std::sync::{Arc, Mutex};

use keyward_admin::control::Allowances;
use keyward_domain::port::{Clock as _, Counters, Records};
use keyward_limit::book::{Book, Booked, Budgets};
use keyward_limit::rate::InProcess;

use crate::world::{ManualClock, TestStore};

pub(crate) struct TestAllowances {
    pub(crate) book: Arc<Book>,
    pub(crate) booked: Booked,
    pub(crate) counters: InProcess,
    /// Why shared counters cannot be asked.
    pub(crate) broken: Mutex<Option<String>>,
    clock: Arc<ManualClock>,
}

impl TestAllowances {
    pub(crate) fn new(store: &Arc<TestStore>, clock: Arc<ManualClock>) -> Arc<Self> {
        let book = Arc::new(Book::new());
        let booked = Booked::over(Arc::clone(store) as _, Arc::clone(&book));
        Arc::new(Self { book, booked, counters: InProcess::default(), broken: Mutex::default(), clock })
    }

    /// What was spent under budgets that nobody asked for before is read.
    pub(crate) fn publish(&self, records: &Records) {
        self.booked.fill(&Budgets::new(&records.budgets), self.clock.now()).unwrap();
    }
}

impl Allowances for TestAllowances {
    fn book(&self) -> &Book {
        &self.book
    }

    fn counters(&self) -> &dyn Counters {
        &self.counters
    }

    fn degraded(&self) -> Option<String> {
        self.broken.lock().unwrap().clone()
    }
}
