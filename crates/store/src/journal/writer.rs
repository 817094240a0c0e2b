//! One writer's end: what runs on the request path.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::FixedState;
use keyward_domain::ledger::{AttemptId, Entry, Refusal, Subject};
use keyward_domain::port::{Journal, JournalError, Syncer};

use super::encode;
use super::flush::WriterSyncer;
use super::frame::{Frames, Kind, MAGIC};
use super::queue::{Part, Releases};
use super::segment::{Segment, SegmentId};
use super::shared::Shared;

/// A buffer that grew beyond this many bytes in a burst is given back after its commit.
const KEPT_BUFFER: usize = 256 * 1024;
/// Refusals that one commit takes; more are dropped, they cost nothing.
const REFUSALS_PER_COMMIT: usize = 1000;

/// A writer. Dropped, it leaves what it holds to [`Shared`], for whoever opens its number again and for the end.
pub(super) struct Writer {
    shared: Arc<Shared>,
    number: usize,
    state: WriterState,
}

/// What a writer holds.
#[derive(Default)]
pub(super) struct WriterState {
    /// Frames since the last commit, and the same as values.
    buffer: Vec<u8>,
    reserved: Vec<AttemptId>,
    settled: Vec<Entry>,
    refused: Vec<Refusal>,
    /// Open reservations and the numbers of their segments.
    open: HashMap<AttemptId, u64, FixedState>,
    /// The segment that is written to, and those before it in which something waits.
    current: Option<Arc<Segment>>,
    earlier: Vec<Arc<Segment>>,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>, number: usize, state: WriterState) -> Self {
        Self { shared, number, state }
    }

    /// The end: nothing more is written to its segment. How many of its reservations have no settlement.
    pub(super) fn finish(self) -> usize {
        if let Some(current) = &self.state.current {
            current.seal();
        }
        self.state.open.len()
    }

    /// Writes the buffer to the current segment, or to a new one when that is full; which part of which it is now.
    fn write(&mut self) -> Result<Part, JournalError> {
        self.shared.check()?;
        let segment = self.segment()?;
        let from = segment.length();
        if let Err(failed) = segment.write(&self.state.buffer) {
            if !failed.clean {
                segment.seal();
                self.state.current = None;
                self.state.earlier.push(segment);
            }
            return Err(JournalError(failed.error));
        }
        Ok(Part { from, to: segment.length(), segment })
    }

    fn segment(&mut self) -> Result<Arc<Segment>, JournalError> {
        let limit = self.shared.options.segment_bytes;
        if let Some(current) = self.state.current.as_ref().filter(|current| current.length() < limit) {
            return Ok(current.clone());
        }
        let id = SegmentId { writer: self.number, number: self.shared.next_number() };
        let next = Arc::new(Segment::create(&self.shared.folder, id)?);
        if let Err(failed) = next.write(&MAGIC) {
            // It holds nothing; what cannot be removed now is empty and goes with the next start.
            let _ = next.remove();
            return Err(JournalError(failed.error));
        }
        self.shared.register(next.clone());
        self.state.earlier.retain(|segment| !segment.is_done());
        if let Some(full) = self.state.current.replace(next.clone()) {
            full.seal();
            self.state.earlier.push(full);
        }
        Ok(next)
    }

    /// Notes who waits where, and hands the settled rows to the projector.
    fn account(&mut self, part: Part) {
        let state = &mut self.state;
        let rows = state.settled.len() + state.refused.len();
        let held = u64::try_from(state.reserved.len() + rows).unwrap_or(u64::MAX);
        part.segment.hold(held);
        let number = part.segment.id.number;
        state.open.extend(state.reserved.drain(..).map(|attempt| (attempt, number)));
        if rows > 0 {
            let mut releases = Releases::default();
            releases.add(&part.segment, u64::try_from(rows).unwrap_or(u64::MAX));
            for entry in &state.settled {
                let reserved_in = state.open.remove(&entry.subject.attempt);
                if let Some(segment) = reserved_in.and_then(|number| find(&state.earlier, &part.segment, number)) {
                    releases.add(segment, 1);
                }
            }
            self.shared.queue.push(part, &mut state.settled, &mut state.refused, &releases);
        }
        state.buffer.clear();
        state.buffer.shrink_to(KEPT_BUFFER);
        self.shared.flush.mark();
    }

    /// After a failed commit: reservations are gone, because nothing may be sent on their strength; refusals cost
    /// nothing; settlements stay for the next commit.
    fn keep_settlements(&mut self) {
        let state = &mut self.state;
        state.reserved.clear();
        state.refused.clear();
        if self.shared.check().is_err() {
            // No commit will ever succeed again, but the store may still take them.
            self.shared.queue.push_uncommitted(&mut state.settled);
            state.buffer.clear();
            return;
        }
        let kept: Vec<u8> = Frames::of(&state.buffer)
            .filter(|frame| frame.kind == Some(Kind::Settlement))
            .flat_map(|frame| frame.whole)
            .copied()
            .collect();
        state.buffer = kept;
    }
}

fn find<'s>(earlier: &'s [Arc<Segment>], current: &'s Arc<Segment>, number: u64) -> Option<&'s Arc<Segment>> {
    if current.id.number == number {
        return Some(current);
    }
    earlier.iter().find(|segment| segment.id.number == number)
}

impl Journal for Writer {
    fn reserve(&mut self, subject: &Subject) {
        encode::reservation(&mut self.state.buffer, subject);
        self.state.reserved.push(subject.attempt);
    }

    fn settle(&mut self, entry: Entry) {
        encode::settlement(&mut self.state.buffer, &entry);
        self.state.settled.push(entry);
    }

    fn refuse(&mut self, refusal: Refusal) {
        if self.state.refused.len() < REFUSALS_PER_COMMIT {
            encode::refusal(&mut self.state.buffer, &refusal);
            self.state.refused.push(refusal);
        }
    }

    fn commit(&mut self) -> Result<(), JournalError> {
        if self.state.buffer.is_empty() {
            return Ok(());
        }
        match self.write() {
            Ok(part) => {
                self.account(part);
                Ok(())
            }
            Err(error) => {
                self.keep_settlements();
                Err(error)
            }
        }
    }

    fn syncer(&self) -> Arc<dyn Syncer> {
        Arc::new(WriterSyncer::new(self.shared.clone(), self.number))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.shared.give_back(self.number, std::mem::take(&mut self.state));
    }
}
