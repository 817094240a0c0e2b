//! The graceful end.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use keyward_domain::port::{Journal, JournalError};

use super::queue::Ending;
use super::shared::Shared;
use super::writer::Writer;

/// What the journal did, told at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Closed {
    /// Rows that went to the store since the start.
    pub projected: u64,
    /// Whether everything went there; otherwise the rest is replayed at the next start.
    pub complete: bool,
    /// Reservations that were never settled; the next start makes them explicit rows.
    pub unsettled: usize,
}

/// Commits, syncs, projects, in this order. `join` waits for the threads.
pub(super) fn run(shared: &Arc<Shared>, join: impl FnOnce() -> bool) -> Result<Closed, JournalError> {
    let committed = commit_what_was_left(shared);
    let synced = shared.sync(|_| true);
    shared.queue.end(Ending::Graceful);
    shared.flush.end();
    let ended_well = join();
    shared.remove_done();
    let unsettled = committed?;
    synced?;
    let (rows, spilled) = shared.queue.backlog();
    let projected = shared.projected.load(Ordering::Relaxed);
    Ok(Closed { projected, complete: ended_well && rows == 0 && !spilled, unsettled })
}

/// Gone writers may have left what they never committed. Gives the number of open reservations.
fn commit_what_was_left(shared: &Arc<Shared>) -> Result<usize, JournalError> {
    let (left, living) = shared.left_behind();
    let mut open = 0;
    let mut failure = None;
    for (number, state) in left {
        let mut writer = Writer::new(shared.clone(), number, state);
        failure = writer.commit().err().or(failure);
        open += writer.finish();
    }
    if living > 0 {
        let message = format!("{living} of its writers are still at work");
        failure = Some(JournalError(io::Error::other(message)));
    }
    failure.map_or(Ok(open), Err)
}
