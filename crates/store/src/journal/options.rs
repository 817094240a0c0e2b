//! Sizes and intervals of the journal. The defaults are meant for production; tests make them small.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use keyward_domain::ledger::Entry;

/// Told about every settled row once, after the store has it. Called by the projector: it must be quick.
pub type Observer = Arc<dyn Fn(&[Entry]) + Send + Sync>;

/// How the journal works.
#[derive(Clone)]
pub struct Options {
    /// A segment that reached this many bytes is followed by a new one.
    pub segment_bytes: u64,
    /// From a commit to the beginning of its fdatasync.
    pub flush_after: Duration,
    /// From a settlement to its way into the store, unless [`Options::batch_rows`] come together earlier.
    pub project_after: Duration,
    /// Rows of one transaction of the store.
    pub batch_rows: usize,
    /// Rows that wait in memory; beyond that they are read back from the segments when the store takes rows again.
    pub queued_rows: usize,
    /// The first wait after the store refused; each one after it is twice as long.
    pub retry_after: Duration,
    /// The longest wait between two tries.
    pub retry_at_most: Duration,
    /// Tries per batch once the journal is closing.
    pub close_tries: u32,
    /// Metrics.
    pub observer: Option<Observer>,
    /// Brings what was written to a file to the disk. After it failed once, nothing more is written.
    pub sync_data: fn(&File) -> io::Result<()>,
}

/// 80 ms and a disk that takes 20 make the promise of 100.
const FLUSH_AFTER: Duration = Duration::from_millis(80);
const PROJECT_AFTER: Duration = Duration::from_millis(200);
const SEGMENT_BYTES: u64 = 16 * 1024 * 1024;
const BATCH_ROWS: usize = 1000;
/// About 700 bytes each: 14 MB when the store is down.
const QUEUED_ROWS: usize = 20_000;
const RETRY_AFTER: Duration = Duration::from_millis(100);
const RETRY_AT_MOST: Duration = Duration::from_secs(5);
const CLOSE_TRIES: u32 = 5;

impl Default for Options {
    fn default() -> Self {
        Self {
            segment_bytes: SEGMENT_BYTES,
            flush_after: FLUSH_AFTER,
            project_after: PROJECT_AFTER,
            batch_rows: BATCH_ROWS,
            queued_rows: QUEUED_ROWS,
            retry_after: RETRY_AFTER,
            retry_at_most: RETRY_AT_MOST,
            close_tries: CLOSE_TRIES,
            observer: None,
            sync_data: File::sync_data,
        }
    }
}
