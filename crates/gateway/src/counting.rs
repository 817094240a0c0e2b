//! What calls spend and use, as all event loops and everybody else in the process share it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use keyward_domain::port::{Counters, Tokenizer};
use keyward_limit::book::Book;
use keyward_limit::rate::InProcess;

/// Money and counters.
#[derive(Clone)]
pub struct Counting {
    /// What budgets have left.
    pub book: Arc<Book>,
    /// What limits have left.
    pub counters: Arc<dyn Counters>,
    /// Whether counters that several nodes share cannot be asked now.
    pub degraded: Arc<AtomicBool>,
    /// Counts prompts whose length makes them too dear for a budget. `None`: their length has to do.
    pub tokenizer: Option<Arc<dyn Tokenizer>>,
}

/// Nothing spent and nothing used, counted in this process.
impl Default for Counting {
    fn default() -> Self {
        let (book, counters) = (Arc::new(Book::new()), Arc::new(InProcess::default()));
        Self { book, counters, degraded: Arc::default(), tokenizer: None }
    }
}

impl fmt::Debug for Counting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counting").field("pending", &self.book.pending()).finish_non_exhaustive()
    }
}
