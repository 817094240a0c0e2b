//! A journal that can be made to fail, as on a disk that takes nothing more, or takes it and cannot keep it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use keyward_domain::ledger::{Entry, Refusal, Subject};
use keyward_domain::port::{Journal, JournalError, Journals, Syncer};

/// Journals that fail while a switch is on.
pub(crate) struct Disk {
    pub(crate) journals: Arc<dyn Journals>,
    /// Commits fail.
    pub(crate) is_full: Arc<AtomicBool>,
    /// Commits are taken, and then do not get to the disk.
    pub(crate) is_broken: Arc<AtomicBool>,
}

struct Pages {
    journal: Box<dyn Journal>,
    is_full: Arc<AtomicBool>,
    is_broken: Arc<AtomicBool>,
}

struct Sync {
    syncer: Arc<dyn Syncer>,
    is_broken: Arc<AtomicBool>,
}

impl Journals for Disk {
    fn open(&self, writer: usize) -> Result<Box<dyn Journal>, JournalError> {
        let (is_full, is_broken) = (Arc::clone(&self.is_full), Arc::clone(&self.is_broken));
        Ok(Box::new(Pages { journal: self.journals.open(writer)?, is_full, is_broken }))
    }
}

impl Journal for Pages {
    fn reserve(&mut self, subject: &Subject) {
        self.journal.reserve(subject);
    }

    fn settle(&mut self, entry: Entry) {
        self.journal.settle(entry);
    }

    fn refuse(&mut self, refusal: Refusal) {
        self.journal.refuse(refusal);
    }

    fn commit(&mut self) -> Result<(), JournalError> {
        if self.is_full.load(Ordering::SeqCst) {
            return Err(JournalError(io::Error::other("the disk is full")));
        }
        self.journal.commit()
    }

    fn syncer(&self) -> Arc<dyn Syncer> {
        Arc::new(Sync { syncer: self.journal.syncer(), is_broken: Arc::clone(&self.is_broken) })
    }
}

impl Syncer for Sync {
    fn sync(&self) -> Result<(), JournalError> {
        if self.is_broken.load(Ordering::SeqCst) {
            return Err(JournalError(io::Error::other("the disk does not answer")));
        }
        self.syncer.sync()
    }
}
