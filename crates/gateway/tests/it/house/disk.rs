//! A journal that can be made to fail, as on a disk that takes nothing more.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use keyward_domain::ledger::{Entry, Refusal, Subject};
use keyward_domain::port::{Journal, JournalError, Journals, Syncer};

/// Journals whose commits fail while the switch is on.
pub(crate) struct Disk {
    pub(crate) journals: Arc<dyn Journals>,
    pub(crate) is_full: Arc<AtomicBool>,
}

struct Pages {
    journal: Box<dyn Journal>,
    is_full: Arc<AtomicBool>,
}

impl Journals for Disk {
    fn open(&self, writer: usize) -> Result<Box<dyn Journal>, JournalError> {
        Ok(Box::new(Pages { journal: self.journals.open(writer)?, is_full: Arc::clone(&self.is_full) }))
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
        self.journal.syncer()
    }
}
