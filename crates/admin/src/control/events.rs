//! What happens, told as it happens: every change of a key's standing, and every change that was audited.

use std::sync::Arc;
use std::time::Duration;

use keyward_domain::audit::AuditDraft;
use keyward_domain::standing::KeyEvent;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast, watch};

use super::Control;
use crate::error::AdminError;

/// Changes that a slow reader may lag behind; then it is told how many it missed.
const BEHIND: usize = 1_024;

/// Who may follow at one time.
const MAX_FOLLOWERS: usize = 64;

/// After this much silence a follower is told that nothing happened: so that connections stay open, and those that are
/// gone are noticed.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Tells audited changes to those who follow.
#[derive(Clone)]
pub(super) struct News {
    changes: broadcast::Sender<Arc<AuditDraft>>,
    closing: Arc<watch::Sender<bool>>,
    places: Arc<Semaphore>,
}

/// What happened.
pub enum Happening {
    /// A key's standing changed.
    Standing(Box<KeyEvent>),
    /// Somebody changed something.
    Change(Arc<AuditDraft>),
}

/// What a follower is told.
pub enum Told {
    /// Something happened.
    Happened(Happening),
    /// It was too slow: this many happenings passed it by.
    Missed(u64),
    /// Nothing happened for a while.
    Nothing,
}

/// Somebody who follows what happens.
pub struct Feed {
    standings: broadcast::Receiver<KeyEvent>,
    changes: broadcast::Receiver<Arc<AuditDraft>>,
    closing: watch::Receiver<bool>,
    _place: OwnedSemaphorePermit,
}

impl Default for News {
    fn default() -> Self {
        let (changes, closing) = (broadcast::Sender::new(BEHIND), Arc::new(watch::Sender::new(false)));
        Self { changes, closing, places: Arc::new(Semaphore::new(MAX_FOLLOWERS)) }
    }
}

impl News {
    pub(super) fn changed(&self, change: AuditDraft) {
        // Nobody follows, most of the time.
        let _ = self.changes.send(Arc::new(change));
    }
}

impl Control {
    /// Begins to follow what happens.
    pub fn follow(&self) -> Result<Feed, AdminError> {
        let place = Arc::clone(&self.news.places).try_acquire_owned();
        Ok(Feed {
            standings: self.pools().listen(),
            changes: self.news.changes.subscribe(),
            closing: self.news.closing.subscribe(),
            _place: place.map_err(|_| AdminError::TooManyFollowers(MAX_FOLLOWERS))?,
        })
    }

    /// Ends every feed, because the process ends.
    pub fn end_feeds(&self) {
        self.news.closing.send_replace(true);
    }
}

impl Feed {
    /// What happens next; `None` when the process ends.
    pub async fn next(&mut self) -> Option<Told> {
        if *self.closing.borrow() {
            return None;
        }
        tokio::select! {
            _ = self.closing.changed() => None,
            event = self.standings.recv() => told(event, |event| Happening::Standing(Box::new(event))),
            change = self.changes.recv() => told(change, Happening::Change),
            () = tokio::time::sleep(HEARTBEAT) => Some(Told::Nothing),
        }
    }
}

impl std::fmt::Debug for Feed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Feed(..)")
    }
}

fn told<T>(received: Result<T, RecvError>, happening: impl FnOnce(T) -> Happening) -> Option<Told> {
    match received {
        Ok(value) => Some(Told::Happened(happening(value))),
        Err(RecvError::Lagged(missed)) => Some(Told::Missed(missed)),
        Err(RecvError::Closed) => None,
    }
}
