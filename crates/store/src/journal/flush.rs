//! From the page cache to the disk: a thread for everybody, a call for those who wait.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use keyward_domain::port::{JournalError, Syncer};

use super::shared::Shared;

/// Whether there is something to bring to the disk.
#[derive(Default)]
pub(super) struct Flush {
    dirty: AtomicBool,
    ending: Mutex<bool>,
    wake: Condvar,
}

/// The flusher: sleeps until a commit, waits a little for more, syncs, and sleeps again.
pub(super) fn run(shared: &Shared) {
    while shared.flush.wait(shared.options.flush_after) {
        // A failure is kept in `shared`: every commit after it is refused.
        let _ = shared.sync(|_| true);
    }
}

impl Flush {
    /// Something was committed. A system call only for the first time since the last sync.
    pub(super) fn mark(&self) {
        if !self.dirty.swap(true, Ordering::AcqRel) {
            drop(self.ending.lock());
            self.wake.notify_one();
        }
    }

    /// Asks the flusher to stop.
    pub(super) fn end(&self) {
        *self.ending.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.wake.notify_one();
    }

    /// Waits for something to do; false when it is over.
    fn wait(&self, after: std::time::Duration) -> bool {
        let ending = self.ending.lock().unwrap_or_else(PoisonError::into_inner);
        let idle = |ending: &mut bool| !*ending && !self.dirty.load(Ordering::Acquire);
        let ending = self.wake.wait_while(ending, idle).unwrap_or_else(PoisonError::into_inner);
        let waited = self.wake.wait_timeout_while(ending, after, |ending| !*ending);
        let over = *waited.unwrap_or_else(PoisonError::into_inner).0;
        self.dirty.store(false, Ordering::Release);
        !over
    }
}

/// What one writer waits with.
pub(super) struct WriterSyncer {
    shared: Arc<Shared>,
    writer: usize,
}

impl WriterSyncer {
    pub(super) fn new(shared: Arc<Shared>, writer: usize) -> Self {
        Self { shared, writer }
    }
}

impl Syncer for WriterSyncer {
    fn sync(&self) -> Result<(), JournalError> {
        self.shared.sync(|segment| segment.id.writer == self.writer)
    }
}
