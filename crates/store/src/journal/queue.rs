//! Between the writers and the projector: settled rows in memory, or the places in the segments where they are.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use keyward_domain::ledger::{Entry, Refusal};

use super::segment::Segment;

/// What waits for the projector.
#[derive(Default)]
pub(super) struct Pending {
    pub(super) entries: Vec<Entry>,
    pub(super) refusals: Vec<Refusal>,
    /// What the segments are told when all rows above are in the store.
    pub(super) releases: Releases,
    /// Rows that were too many for memory.
    pub(super) spills: Vec<Spill>,
}

/// A committed part of a segment.
pub(super) struct Part {
    pub(super) segment: Arc<Segment>,
    pub(super) from: u64,
    pub(super) to: u64,
}

/// Rows that are to be read back from a part of a segment.
pub(super) struct Spill {
    pub(super) part: Part,
    pub(super) releases: Releases,
}

/// How many rows wait no more, by segment.
#[derive(Default)]
pub(super) struct Releases(Vec<(Arc<Segment>, u64)>);

/// The queue.
pub(super) struct Queue {
    state: Mutex<State>,
    wake: Condvar,
    batch_rows: usize,
    most_rows: usize,
}

#[derive(Default)]
struct State {
    pending: Pending,
    /// Rows in memory: in `pending`, and in the projector's hands.
    rows: usize,
    /// Spills in `pending`, and in the projector's hands.
    spills: usize,
    projector: Projector,
    ending: Ending,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Projector {
    #[default]
    Working,
    /// Waits for anything.
    Idle,
    /// Waits for a full batch.
    Gathering,
}

/// How the queue ends.
#[derive(Default, Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// Not yet.
    #[default]
    None,
    /// Bring over what is there, then stop.
    Graceful,
    /// Stop now.
    Sudden,
}

impl Queue {
    pub(super) fn new(batch_rows: usize, most_rows: usize) -> Self {
        Self { state: Mutex::default(), wake: Condvar::new(), batch_rows, most_rows }
    }

    /// Takes committed rows over, leaving both lists empty. When memory is full, only remembers where they are.
    pub(super) fn push(&self, part: Part, entries: &mut Vec<Entry>, refusals: &mut Vec<Refusal>, releases: &Releases) {
        let rows = entries.len() + refusals.len();
        let mut state = self.lock();
        if state.rows + rows > self.most_rows {
            entries.clear();
            refusals.clear();
            state.spills += usize::from(state.pending.spill(part, releases));
        } else {
            state.pending.entries.append(entries);
            state.pending.refusals.append(refusals);
            state.pending.releases.add_all(releases);
            state.rows += rows;
        }
        self.wake_projector(state);
    }

    /// Takes rows over that are in no segment, because the journal can no longer write.
    pub(super) fn push_uncommitted(&self, entries: &mut Vec<Entry>) {
        let mut state = self.lock();
        state.rows += entries.len();
        state.pending.entries.append(entries);
        self.wake_projector(state);
    }

    /// Waits for work: a full batch, or whatever came until `after` the first of it. Exchanges it for what is given,
    /// which must be empty, so that its memory is used again. False: it is over.
    pub(super) fn next(&self, after: Duration, empty: &mut Pending) -> bool {
        let mut state = self.lock();
        state.projector = Projector::Idle;
        state = self.wait_while(state, |state| state.ending == Ending::None && state.pending.is_empty());
        state.projector = Projector::Gathering;
        let gathering = |state: &mut State| state.ending == Ending::None && state.rows < self.batch_rows;
        let waited = self.wake.wait_timeout_while(state, after, gathering);
        state = waited.unwrap_or_else(PoisonError::into_inner).0;
        state.projector = Projector::Working;
        if state.ending == Ending::Sudden || state.pending.is_empty() {
            return false;
        }
        std::mem::swap(&mut state.pending, empty);
        true
    }

    /// So many rows are no longer in memory.
    pub(super) fn done(&self, rows: usize) {
        let mut state = self.lock();
        state.rows = state.rows.saturating_sub(rows);
    }

    /// Waits before the next try, or until the end comes.
    pub(super) fn pause(&self, length: Duration) -> Ending {
        let mut state = self.lock();
        let before = state.ending;
        let waited = self.wake.wait_timeout_while(state, length, |state| state.ending == before);
        state = waited.unwrap_or_else(PoisonError::into_inner).0;
        state.ending
    }

    /// Asks the projector to stop.
    pub(super) fn end(&self, ending: Ending) {
        let mut state = self.lock();
        if state.ending != Ending::Sudden {
            state.ending = ending;
        }
        drop(state);
        self.wake.notify_all();
    }

    /// A spill was read back.
    pub(super) fn spill_done(&self) {
        let mut state = self.lock();
        state.spills = state.spills.saturating_sub(1);
    }

    /// Rows in memory, and whether there are more on disk only.
    pub(super) fn backlog(&self) -> (usize, bool) {
        let state = self.lock();
        (state.rows, state.spills > 0)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_while<'q>(
        &self,
        state: MutexGuard<'q, State>,
        condition: impl FnMut(&mut State) -> bool,
    ) -> MutexGuard<'q, State> {
        self.wake.wait_while(state, condition).unwrap_or_else(PoisonError::into_inner)
    }

    /// A system call only when the projector sleeps and has a reason to get up: at most twice per batch.
    fn wake_projector(&self, mut state: MutexGuard<'_, State>) {
        let wake = match state.projector {
            Projector::Working => false,
            Projector::Idle => true,
            Projector::Gathering => state.rows >= self.batch_rows,
        };
        if wake {
            state.projector = Projector::Working;
            drop(state);
            self.wake.notify_one();
        }
    }
}

impl Pending {
    fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.refusals.is_empty() && self.spills.is_empty()
    }

    /// Whether this was a new one, and not the continuation of one before.
    fn spill(&mut self, part: Part, releases: &Releases) -> bool {
        let last = self.spills.iter_mut().rev().find(|spill| Arc::ptr_eq(&spill.part.segment, &part.segment));
        if let Some(spill) = last.filter(|spill| spill.part.to == part.from) {
            spill.part.to = part.to;
            spill.releases.add_all(releases);
            return false;
        }
        let mut spill = Spill { part, releases: Releases::default() };
        spill.releases.add_all(releases);
        self.spills.push(spill);
        true
    }
}

impl Releases {
    pub(super) fn add(&mut self, segment: &Arc<Segment>, rows: u64) {
        match self.0.iter_mut().find(|(other, _)| Arc::ptr_eq(other, segment)) {
            Some((_, sum)) => *sum += rows,
            None => self.0.push((segment.clone(), rows)),
        }
    }

    pub(super) fn add_all(&mut self, more: &Self) {
        for (segment, rows) in &more.0 {
            self.add(segment, *rows);
        }
    }

    /// Tells the segments.
    pub(super) fn apply(&mut self) {
        for (segment, rows) in self.0.drain(..) {
            segment.release(rows);
        }
    }
}
