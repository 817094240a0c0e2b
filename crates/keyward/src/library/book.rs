//! What leases leave behind: the record in the store, before a secret leaves; the row in the ledger and the record's end,
//! when it is known how it went. One thread writes, so that nobody who drops a lease waits for a disk. A lease whose end
//! was never written is settled as an estimate by the data plane that starts next.

use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use keyward_domain::audit::AuditDraft;
use keyward_domain::lease::Lease;
use keyward_domain::ledger::Entry;
use keyward_domain::port::{Durability, Journal, Store};
use tokio::sync::oneshot;

use super::Error;

/// Beginnings and ends of leases that wait to be written, at most.
const QUEUE: usize = 1024;
/// What is written with one commit.
const BATCH: usize = 64;

/// The thread, and the way to it.
pub(super) struct Book {
    notes: SyncSender<Note>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What is to be written.
enum Note {
    Begin(Box<(Lease, AuditDraft)>, Done),
    End(Box<Ended>, Option<Done>),
    Stop,
}

/// How a lease ended.
pub(super) struct Ended {
    /// Its row in the ledger; `None` for one that was given back unused, which is no call.
    pub(super) row: Option<Entry>,
    pub(super) lease: Lease,
}

/// Told once it is durable, or why it is not.
type Done = oneshot::Sender<Result<(), String>>;

impl Book {
    /// Starts the thread over a journal of its own.
    pub(super) fn start(journal: Box<dyn Journal>, store: Arc<dyn Store>, durability: Durability) -> io::Result<Self> {
        let (notes, received) = sync_channel(QUEUE);
        let scribe = Scribe { received, journal, store, durability };
        let thread = std::thread::Builder::new().name("leases".to_owned()).spawn(move || scribe.run())?;
        Ok(Self { notes, thread: Mutex::new(Some(thread)) })
    }

    /// Notes that a lease begins. Once this returns without an error, the secret may leave.
    pub(super) async fn begin(&self, lease: Lease, audit: AuditDraft) -> Result<(), Error> {
        let (done, written) = oneshot::channel();
        self.send(Note::Begin(Box::new((lease, audit)), done))?;
        written.await.map_err(|_| Error::Closed)?.map_err(Error::Internal)
    }

    /// Notes how a lease ended, and waits until that is durable.
    pub(super) async fn settle(&self, ended: Ended) -> Result<(), Error> {
        let (done, written) = oneshot::channel();
        self.send(Note::End(Box::new(ended), Some(done)))?;
        written.await.map_err(|_| Error::Closed)?.map_err(Error::Internal)
    }

    /// Notes how a lease ended; nobody waits.
    pub(super) fn hand_off(&self, ended: Ended) {
        if self.send(Note::End(Box::new(ended), None)).is_err() {
            tracing::warn!("the end of a lease could not be noted now; the next start settles it as an estimate");
        }
    }

    /// Writes what waits and ends the thread. Blocks.
    pub(super) fn end(&self) {
        // Room is made by the thread; when it is gone there is nothing to end.
        let _ = self.notes.send(Note::Stop);
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that writes leases down ended badly");
        }
    }

    fn send(&self, note: Note) -> Result<(), Error> {
        self.notes.try_send(note).map_err(|full| match full {
            std::sync::mpsc::TrySendError::Full(_) => Error::Internal("too many leases at once".to_owned()),
            std::sync::mpsc::TrySendError::Disconnected(_) => Error::Closed,
        })
    }
}

struct Scribe {
    received: Receiver<Note>,
    journal: Box<dyn Journal>,
    store: Arc<dyn Store>,
    durability: Durability,
}

impl Scribe {
    fn run(mut self) {
        while let Ok(first) = self.received.recv() {
            let batch: Vec<Note> = std::iter::once(first).chain(self.received.try_iter().take(BATCH)).collect();
            let stops = batch.iter().any(|note| matches!(note, Note::Stop));
            for note in &batch {
                if let Note::End(ended, _) = note
                    && let Some(row) = &ended.row
                {
                    self.journal.settle(row.clone());
                }
            }
            let committed = self.commit();
            for note in batch {
                self.keep(note, &committed);
            }
            if stops {
                return;
            }
        }
    }

    fn commit(&mut self) -> Result<(), String> {
        let committed = self.journal.commit().and_then(|()| match self.durability {
            Durability::Process => Ok(()),
            Durability::Strict => self.journal.syncer().sync(),
        });
        committed.map_err(|error| error.to_string())
    }

    /// The ledger goes first: a lease that ended in the store has its row.
    fn keep(&self, note: Note, committed: &Result<(), String>) {
        let put = |lease: &Lease, audit| self.store.put_lease(lease, audit).map_err(|error| error.to_string());
        let (kept, done) = match note {
            Note::Begin(begun, done) => (put(&begun.0, Some(&begun.1)), Some(done)),
            Note::End(ended, done) => (committed.clone().and_then(|()| put(&ended.lease, None)), done),
            Note::Stop => return,
        };
        match (done, kept) {
            // Whoever waits no more does not mind.
            (Some(done), kept) => drop(done.send(kept)),
            (None, Err(error)) => {
                tracing::error!(error, "the end of a lease could not be kept; the next start settles it");
            }
            (None, Ok(())) => {}
        }
    }
}
