use std::sync::Arc;

use crate::ledger::{Entry, Refusal, Subject};

/// What an acknowledged ledger write survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Durability {
    /// A killed process loses nothing, a power cut at most 100 ms.
    #[default]
    Process,
    /// Nothing is lost to a power cut either; every commit waits for the disk.
    Strict,
}

/// The ledger could not be written. Nothing may be sent on the strength of a failed commit.
#[derive(Debug, thiserror::Error)]
#[error("the ledger journal could not be written: {0}")]
pub struct JournalError(#[from] pub std::io::Error);

/// One writer's end of the ledger. Appends are buffered; [`Journal::commit`] makes all of them survive the process
/// with a single write (a group commit). Replaying any part of a journal again changes nothing: the key is the attempt.
///
/// Fails closed: after a failed commit the caller must refuse what it was about to send.
pub trait Journal: Send {
    /// Notes that this attempt is about to be sent and what it may cost.
    fn reserve(&mut self, subject: &Subject);

    /// Notes how an attempt ended. The reservation it closes may be in any earlier commit.
    fn settle(&mut self, entry: Entry);

    /// Notes a call that was refused before anything was sent. May be dropped under pressure: it costs nothing.
    fn refuse(&mut self, refusal: Refusal);

    /// Writes everything appended since the last commit, in one system call.
    fn commit(&mut self) -> Result<(), JournalError>;

    /// What waits for the disk, for [`Durability::Strict`]; blocks, so it must run off the event loop.
    fn syncer(&self) -> Arc<dyn Syncer>;
}

/// Waits until everything committed so far is on the disk.
pub trait Syncer: Send + Sync {
    /// Blocks until the disk has it. After an error the writer must stop: a failed fsync is never repeated.
    fn sync(&self) -> Result<(), JournalError>;
}

/// Makes the journals, one per writer.
pub trait Journals: Send + Sync {
    /// A journal for the writer with this number. Each number is used by one writer at a time.
    fn open(&self, writer: usize) -> Result<Box<dyn Journal>, JournalError>;
}
