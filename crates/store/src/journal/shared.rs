//! What writers, flusher and projector share.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use keyward_domain::port::{Clock, JournalError, Store};
use keyward_domain::time::Timestamp;

use super::flush::Flush;
use super::options::Options;
use super::queue::{Ending, Queue};
use super::segment::Segment;
use super::writer::WriterState;

/// How the way from the journal to the store is doing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Status {
    /// Settled rows in memory that the store does not have yet.
    pub queued_rows: usize,
    /// Whether more of them wait in the segment files only.
    pub spilled: bool,
    /// Segment files.
    pub segments: usize,
    /// Rows that went to the store since the start.
    pub projected: u64,
    /// Set while the store refuses rows: the ledger is complete on the disk, reports lag behind.
    pub failing: Option<Failing>,
    /// Set when the disk failed: nothing is accepted any more, the process must be started again.
    pub broken: Option<String>,
}

/// A store that refuses rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failing {
    /// Since when.
    pub since: Timestamp,
    /// What it said last.
    pub reason: String,
}

pub(super) struct Shared {
    pub(super) folder: PathBuf,
    folder_handle: File,
    pub(super) store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    pub(super) options: Options,
    pub(super) queue: Queue,
    pub(super) flush: Flush,
    segments: Mutex<Vec<Arc<Segment>>>,
    writers: Mutex<BTreeMap<usize, Slot>>,
    next_number: AtomicU64,
    pub(super) projected: AtomicU64,
    failing: Mutex<Option<Failing>>,
    /// Why the disk can no longer be trusted. A failed fsync is never repeated: the kernel may have dropped the pages.
    broken: OnceLock<String>,
}

/// A writer's number.
enum Slot {
    /// A writer lives.
    Taken,
    /// Its last writer left this.
    Left(WriterState),
}

impl Shared {
    pub(super) fn new(
        folder: &Path,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        options: Options,
    ) -> io::Result<Self> {
        Ok(Self {
            folder: folder.to_path_buf(),
            folder_handle: File::open(folder)?,
            store,
            clock,
            queue: Queue::new(options.batch_rows, options.queued_rows),
            options,
            flush: Flush::default(),
            segments: Mutex::default(),
            writers: Mutex::default(),
            next_number: AtomicU64::new(1),
            projected: AtomicU64::new(0),
            failing: Mutex::default(),
            broken: OnceLock::new(),
        })
    }

    /// The state for a new writer with this number.
    pub(super) fn claim(&self, number: usize) -> Result<WriterState, JournalError> {
        let mut writers = locked(&self.writers);
        match writers.insert(number, Slot::Taken) {
            None => Ok(WriterState::default()),
            Some(Slot::Left(state)) => Ok(state),
            Some(Slot::Taken) => Err(JournalError(io::Error::new(
                io::ErrorKind::AlreadyExists,
                format!("writer {number} has its journal open already"),
            ))),
        }
    }

    /// A writer is gone.
    pub(super) fn give_back(&self, number: usize, state: WriterState) {
        locked(&self.writers).insert(number, Slot::Left(state));
    }

    /// What gone writers left, and how many writers still live.
    pub(super) fn left_behind(&self) -> (Vec<(usize, WriterState)>, usize) {
        let mut left = Vec::new();
        let mut living = 0;
        for (number, slot) in std::mem::take(&mut *locked(&self.writers)) {
            match slot {
                Slot::Left(state) => left.push((number, state)),
                Slot::Taken => living += 1,
            }
        }
        (left, living)
    }

    pub(super) fn next_number(&self) -> u64 {
        self.next_number.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn register(&self, segment: Arc<Segment>) {
        locked(&self.segments).push(segment);
    }

    /// Removes the files of segments in which nothing waits. One that cannot be removed is replayed at the next start,
    /// which changes nothing.
    pub(super) fn remove_done(&self) {
        locked(&self.segments).retain(|segment| !(segment.is_done() && segment.remove().is_ok()));
    }

    /// Brings everything that was committed to these segments to the disk.
    pub(super) fn sync(&self, wanted: impl Fn(&Segment) -> bool) -> Result<(), JournalError> {
        self.check()?;
        let segments: Vec<_> = locked(&self.segments).iter().filter(|segment| wanted(segment)).cloned().collect();
        for segment in segments {
            if let Err(error) = segment.sync(&self.folder_handle, self.options.sync_data) {
                let _ = self.broken.set(format!("the disk did not take {}: {error}", segment.id.file_name()));
                self.check()?;
            }
        }
        Ok(())
    }

    /// Fails once the disk has failed.
    pub(super) fn check(&self) -> Result<(), JournalError> {
        match self.broken.get() {
            None => Ok(()),
            Some(reason) => Err(JournalError(io::Error::other(format!("{reason}; start Keyward again")))),
        }
    }

    /// The store refused rows.
    pub(super) fn note_failure(&self, reason: String) {
        let mut failing = locked(&self.failing);
        let since = failing.as_ref().map_or_else(|| self.clock.now(), |before| before.since);
        *failing = Some(Failing { since, reason });
    }

    /// The store took rows.
    pub(super) fn note_success(&self, rows: u64) {
        self.projected.fetch_add(rows, Ordering::Relaxed);
        *locked(&self.failing) = None;
    }

    pub(super) fn status(&self) -> Status {
        let (queued_rows, spilled) = self.queue.backlog();
        Status {
            queued_rows,
            spilled,
            segments: locked(&self.segments).len(),
            projected: self.projected.load(Ordering::Relaxed),
            failing: locked(&self.failing).clone(),
            broken: self.broken.get().cloned(),
        }
    }

    /// Stops the threads where they are.
    pub(super) fn abandon(&self) {
        self.queue.end(Ending::Sudden);
        self.flush.end();
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
