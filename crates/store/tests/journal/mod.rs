//! The journal: what survives, and what comes to the store how often.

mod disk;
mod kill;
mod model;
mod obligations;
mod outage;
mod recovery;
mod torn;

use std::sync::Arc;
use std::time::Duration;

use keyward_domain::port::{Clock, Store};
use keyward_store::journal::{FileJournals, OpenError, Options, Recovered};

use crate::support::{Home, ManualClock};

/// As in production, but nothing waits longer than it must.
fn quick() -> Options {
    Options {
        flush_after: Duration::from_millis(1),
        project_after: Duration::from_millis(1),
        retry_after: Duration::from_millis(1),
        retry_at_most: Duration::from_millis(2),
        ..Options::default()
    }
}

fn open(home: &Home, store: &Arc<dyn Store>, options: Options) -> (FileJournals, Recovered) {
    try_open(home, store, options).unwrap()
}

fn try_open(home: &Home, store: &Arc<dyn Store>, options: Options) -> Result<(FileJournals, Recovered), OpenError> {
    let clock: Arc<dyn Clock> = ManualClock::new();
    FileJournals::open(&home.journal(), store.clone(), clock, options)
}
