//! One file of the journal: who waits for what in it, and how far it is on the disk.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What the names of segment files end in.
pub(super) const SUFFIX: &str = ".kwj";

/// Which segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SegmentId {
    pub(super) writer: usize,
    pub(super) number: u64,
}

impl SegmentId {
    /// The file name: `3-17.kwj`.
    pub(super) fn file_name(self) -> String {
        format!("{}-{}{SUFFIX}", self.writer, self.number)
    }

    /// The segment with this file name.
    pub(super) fn parse(file_name: &str) -> Option<Self> {
        let (writer, number) = file_name.strip_suffix(SUFFIX)?.split_once('-')?;
        Some(Self { writer: writer.parse().ok()?, number: number.parse().ok()? })
    }
}

/// A segment of this process.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) id: SegmentId,
    path: PathBuf,
    file: File,
    /// Bytes that commits vouch for.
    committed: AtomicU64,
    /// Bytes that are known to be on the disk.
    synced: AtomicU64,
    /// Whether the folder's entry for the file is known to be on the disk.
    entered: AtomicBool,
    /// Reservations without a settlement in the store, settlements and refusals that are not in the store.
    waiting: AtomicU64,
    sealed: AtomicBool,
}

impl Segment {
    /// Makes the file. It must not be there yet.
    pub(super) fn create(folder: &Path, id: SegmentId) -> io::Result<Self> {
        let path = folder.join(id.file_name());
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
        Ok(Self {
            id,
            path,
            file,
            committed: AtomicU64::new(0),
            synced: AtomicU64::new(0),
            entered: AtomicBool::new(false),
            waiting: AtomicU64::new(0),
            sealed: AtomicBool::new(false),
        })
    }

    /// Writes at the end. When that fails half way, what was written is cut off again, so that no part of a failed
    /// commit is ever read.
    pub(super) fn write(&self, bytes: &[u8]) -> Result<(), FailedWrite> {
        let end = self.length();
        match self.file.write_all_at(bytes, end) {
            Ok(()) => {
                let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                self.committed.store(end.saturating_add(length), Ordering::Release);
                Ok(())
            }
            Err(error) => Err(FailedWrite { error, clean: self.file.set_len(end).is_ok() }),
        }
    }

    /// Bytes that commits vouch for.
    pub(super) fn length(&self) -> u64 {
        self.committed.load(Ordering::Acquire)
    }

    /// A committed part.
    pub(super) fn read(&self, from: u64, to: u64) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(to.saturating_sub(from)).map_err(io::Error::other)?];
        self.file.read_exact_at(&mut bytes, from)?;
        Ok(bytes)
    }

    /// Brings everything committed so far to the disk, if it is not there.
    pub(super) fn sync(&self, folder: &File, sync_data: fn(&File) -> io::Result<()>) -> io::Result<()> {
        let committed = self.length();
        if committed > self.synced.load(Ordering::Acquire) {
            sync_data(&self.file)?;
            self.synced.fetch_max(committed, Ordering::AcqRel);
        }
        // After the data: an entry that comes back from a power cut leads to something.
        if !self.entered.load(Ordering::Acquire) {
            folder.sync_all()?;
            self.entered.store(true, Ordering::Release);
        }
        Ok(())
    }

    /// So many more rows wait.
    pub(super) fn hold(&self, rows: u64) {
        self.waiting.fetch_add(rows, Ordering::AcqRel);
    }

    /// So many rows wait no more.
    pub(super) fn release(&self, rows: u64) {
        self.waiting.fetch_sub(rows, Ordering::AcqRel);
    }

    /// Nothing is written to it from now on.
    pub(super) fn seal(&self) {
        self.sealed.store(true, Ordering::Release);
    }

    /// Whether it can go.
    pub(super) fn is_done(&self) -> bool {
        self.sealed.load(Ordering::Acquire) && self.waiting.load(Ordering::Acquire) == 0
    }

    /// Removes the file.
    pub(super) fn remove(&self) -> io::Result<()> {
        std::fs::remove_file(&self.path)
    }
}

/// A write that failed.
#[derive(Debug)]
pub(super) struct FailedWrite {
    pub(super) error: io::Error,
    /// Whether the part that was written is gone again; otherwise the segment must not be written to any more.
    pub(super) clean: bool,
}
