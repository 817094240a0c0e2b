//! The ledger's journal: append-only files in front of the store. `docs/decisions/0001-ledger-journal.md` says why.
//!
//! A writer (one per event loop) appends reservations, settlements and refusals to its own segment file; one `write`
//! per commit makes them survive the process. A flusher brings them to the disk, a projector brings settled rows to the
//! store, and a segment is removed when nothing in it is waiting any more. What a dead process left is replayed when
//! the journal is opened again: settled rows as they are, open reservations as explicit rows that say so.

mod close;
mod decode;
mod encode;
mod flush;
mod frame;
mod options;
mod project;
mod queue;
mod recover;
mod segment;
mod shared;
mod writer;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use keyward_domain::port::{Clock, Journal, JournalError, Journals, Store, StoreError};

use self::shared::Shared;
use self::writer::Writer;
use crate::home_lock::HomeLock;

pub use close::Closed;
pub use options::{Observer, Options};
pub use recover::Recovered;
pub use shared::{Failing, Status};

/// The file in the journal's folder that keeps a second process out.
const LOCK: &str = "journal.lock";

/// The journals of one process: one per writer, with the two threads that work behind them.
pub struct FileJournals {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    _lock: HomeLock,
}

/// Why the journal could not be opened. Nothing was lost: the files are as they were.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder or a file in it cannot be used.
    #[error("the journal {0} could not be used: {1}")]
    Unusable(String, std::io::Error),
    /// Another process has it.
    #[error("{0}")]
    Locked(String),
    /// A file there was not written by a version that this one understands.
    #[error(
        "{0} was not written by this version of Keyward, so it was left alone: start the version that wrote it once"
    )]
    Foreign(String),
    /// What was left behind could not be brought to the store.
    #[error("rows of an earlier run could not be brought to the store: {0}")]
    Store(#[from] StoreError),
}

impl FileJournals {
    /// Opens the journal in `folder` (made with mode 0700 when it is not there), first bringing to the store whatever
    /// an earlier process left.
    pub fn open(
        folder: &Path,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        options: Options,
    ) -> Result<(Self, Recovered), OpenError> {
        let lock = recover::prepare(folder, LOCK)?;
        let recovered = recover::run(folder, store.as_ref(), options.batch_rows)?;
        let unusable = |error| OpenError::Unusable(folder.display().to_string(), error);
        let shared = Arc::new(Shared::new(folder, store, clock, options).map_err(unusable)?);
        let journals = Self { shared: shared.clone(), threads: Mutex::default(), _lock: lock };
        journals.start("ledger-flush", FLUSH_STACK, flush::run).map_err(unusable)?;
        journals.start("ledger-project", PROJECT_STACK, project::run).map_err(unusable)?;
        Ok((journals, recovered))
    }

    /// How the way from the journal to the store is doing.
    pub fn status(&self) -> Status {
        self.shared.status()
    }

    /// Ends gracefully: everything that dropped writers appended is committed and on the disk, and in the store as far
    /// as the store takes it; the rest is replayed at the next start. Later calls do nothing more.
    ///
    /// # Errors
    /// Something is not on the disk, or a writer still lives and may hold what was never committed: the process must
    /// not report success.
    pub fn close(&self) -> Result<Closed, JournalError> {
        close::run(&self.shared, || self.join())
    }

    fn start(&self, name: &str, stack: usize, work: fn(&Shared)) -> std::io::Result<()> {
        let shared = self.shared.clone();
        let thread = std::thread::Builder::new().name(name.to_owned()).stack_size(stack);
        let handle = thread.spawn(move || work(&shared))?;
        self.threads.lock().unwrap_or_else(PoisonError::into_inner).push(handle);
        Ok(())
    }

    /// Waits for both threads; whether they ended by themselves and not by a panic.
    fn join(&self) -> bool {
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        let ended: Vec<_> = threads.into_iter().map(JoinHandle::join).collect();
        ended.iter().all(Result::is_ok)
    }
}

/// Stacks in bytes: the flusher only calls the disk, the projector runs SQL.
const FLUSH_STACK: usize = 128 * 1024;
const PROJECT_STACK: usize = 1024 * 1024;

impl Journals for FileJournals {
    fn open(&self, writer: usize) -> Result<Box<dyn Journal>, JournalError> {
        let state = self.shared.claim(writer)?;
        Ok(Box::new(Writer::new(self.shared.clone(), writer, state)))
    }
}

/// Without [`FileJournals::close`] this is a sudden death in slow motion: the threads stop where they are, and what
/// they did not bring to the store is replayed at the next start.
impl Drop for FileJournals {
    fn drop(&mut self) {
        self.shared.abandon();
        self.join();
    }
}
