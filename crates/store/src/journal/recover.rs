//! What an earlier process left: settled rows go to the store, open reservations become explicit rows.

use std::collections::BTreeMap;
use std::fs::{DirBuilder, File};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use keyward_domain::ledger::{AttemptId, AttemptOutcome, Entry, Refusal, Subject};
use keyward_domain::port::Store;
use keyward_domain::usage::{Usage, UsageSource};

use super::OpenError;
use super::decode;
use super::frame::{Frames, Kind, MAGIC};
use super::segment::SegmentId;
use crate::home_lock::{HomeLock, LockError};

/// What was found at the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Recovered {
    /// Settled rows that the store did not have.
    pub replayed: u64,
    /// Reservations that nobody settled: rows that say so, at the reserved amount.
    pub unsettled: u64,
    /// Bytes that belong to no whole record: the tail that was being written.
    pub torn_bytes: u64,
}

/// Makes the folder if need be, and keeps other processes out.
pub(super) fn prepare(folder: &Path, lock: &str) -> Result<HomeLock, OpenError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|error| OpenError::Unusable(folder.display().to_string(), error))?;
    HomeLock::take(folder, lock).map_err(|error| match error {
        LockError::Held(..) => OpenError::Locked(error.to_string()),
        LockError::Failed(path, error) => OpenError::Unusable(path, error),
    })
}

/// Brings everything to the store, then removes the files. Interrupted at any point, it starts over and changes nothing
/// that it did before.
pub(super) fn run(folder: &Path, store: &dyn Store, batch_rows: usize) -> Result<Recovered, OpenError> {
    let unusable = |error| OpenError::Unusable(folder.display().to_string(), error);
    let files = segments(folder).map_err(unusable)?;
    if files.is_empty() {
        return Ok(Recovered::default());
    }
    let before = store.ledger_totals()?;
    let mut replay =
        Replay { store, batch_rows, entries: Vec::new(), refusals: Vec::new(), open: BTreeMap::new(), torn_bytes: 0 };
    for path in &files {
        replay.segment(path)?;
    }
    replay.flush()?;
    let settled = store.ledger_totals()?;
    let torn_bytes = replay.torn_bytes;
    replay.close_open_reservations()?;
    let after = store.ledger_totals()?;
    for path in &files {
        std::fs::remove_file(path).map_err(|error| OpenError::Unusable(path.display().to_string(), error))?;
    }
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(unusable)?;
    Ok(Recovered {
        replayed: settled.entries.saturating_sub(before.entries),
        unsettled: after.entries.saturating_sub(settled.entries),
        torn_bytes,
    })
}

/// The segment files, each writer's in the order in which they were written.
fn segments(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for file in std::fs::read_dir(folder)? {
        let file = file?;
        if let Some(id) = file.file_name().to_str().and_then(SegmentId::parse) {
            found.push((id, file.path()));
        }
    }
    found.sort();
    Ok(found.into_iter().map(|(_, path)| path).collect())
}

struct Replay<'s> {
    store: &'s dyn Store,
    batch_rows: usize,
    entries: Vec<Entry>,
    refusals: Vec<Refusal>,
    /// Reservations without a settlement so far. A reservation comes before its settlement, because both are in the
    /// files of one writer.
    open: BTreeMap<AttemptId, Subject>,
    torn_bytes: u64,
}

impl Replay<'_> {
    fn segment(&mut self, path: &Path) -> Result<(), OpenError> {
        let bytes = std::fs::read(path).map_err(|error| OpenError::Unusable(path.display().to_string(), error))?;
        let Some(records) = bytes.strip_prefix(&MAGIC) else {
            // A power cut may leave a new file short or full of zeros; anything else is not ours.
            let unwritten = MAGIC.starts_with(&bytes) || bytes.iter().all(|byte| *byte == 0);
            self.torn_bytes += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            return if unwritten { Ok(()) } else { Err(OpenError::Foreign(path.display().to_string())) };
        };
        let mut frames = Frames::of(records);
        for frame in frames.by_ref() {
            self.record(frame.kind, frame.payload).ok_or_else(|| OpenError::Foreign(path.display().to_string()))?;
            if self.entries.len() + self.refusals.len() >= self.batch_rows {
                self.flush()?;
            }
        }
        self.torn_bytes += frames.torn;
        Ok(())
    }

    /// `None`: a record of another version.
    fn record(&mut self, kind: Option<Kind>, payload: &[u8]) -> Option<()> {
        match kind? {
            Kind::Reservation => {
                let subject = decode::reservation(payload)?;
                self.open.insert(subject.attempt, subject);
            }
            Kind::Settlement => {
                let entry = decode::settlement(payload)?;
                self.open.remove(&entry.subject.attempt);
                self.entries.push(entry);
            }
            Kind::Refusal => self.refusals.push(decode::refusal(payload)?),
        }
        Some(())
    }

    fn flush(&mut self) -> Result<(), OpenError> {
        self.store.append(&self.entries, &self.refusals)?;
        self.entries.clear();
        self.refusals.clear();
        Ok(())
    }

    fn close_open_reservations(self) -> Result<(), OpenError> {
        let entries: Vec<Entry> = self.open.into_values().map(unsettled).collect();
        for batch in entries.chunks(self.batch_rows.max(1)) {
            self.store.append(batch, &[])?;
        }
        Ok(())
    }
}

/// The row for an attempt of which nobody knows how it ended. It may have been sent, so it counts with all that it may
/// have cost: the ledger is never below the provider's bill.
fn unsettled(subject: Subject) -> Entry {
    Entry {
        cost: subject.reserved,
        subject,
        outcome: AttemptOutcome::Unsettled,
        status: 0,
        usage: Usage::default(),
        source: UsageSource::Estimated,
        raw_usage: None,
        duration: Duration::ZERO,
        first_content: None,
        overhead: Duration::ZERO,
    }
}
