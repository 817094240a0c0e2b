//! The projector: brings settled rows to the store, in batches, for as long as it takes.

use keyward_domain::ledger::{Entry, Refusal};

use super::decode;
use super::frame::{Frames, Kind};
use super::queue::{Ending, Pending, Spill};
use super::shared::Shared;

/// The rows stay in the journal: the end came before the store took them.
struct LeftBehind;

/// Works until the queue ends.
pub(super) fn run(shared: &Shared) {
    let mut pending = Pending::default();
    while shared.queue.next(shared.options.project_after, &mut pending) {
        if bring(shared, &mut pending).is_err() {
            return;
        }
        shared.remove_done();
    }
}

/// Leaves `pending` empty.
fn bring(shared: &Shared, pending: &mut Pending) -> Result<(), LeftBehind> {
    let Pending { entries, refusals, releases, spills } = pending;
    bring_rows(shared, entries, refusals)?;
    releases.apply();
    shared.queue.done(entries.len() + refusals.len());
    entries.clear();
    refusals.clear();
    // Warm memory for the next batches, not the peak of an outage.
    entries.shrink_to(2 * shared.options.batch_rows);
    refusals.shrink_to(2 * shared.options.batch_rows);
    spills.drain(..).try_for_each(|spill| bring_spill(shared, spill))
}

/// Reads rows back that were too many for memory. A reading error here is a disk that lost what it had: the segment
/// stays as it is, and the next start says more.
fn bring_spill(shared: &Shared, spill: Spill) -> Result<(), LeftBehind> {
    let Spill { part, mut releases } = spill;
    let bytes = match part.segment.read(part.from, part.to) {
        Ok(bytes) => bytes,
        Err(error) => {
            shared.note_failure(format!("{} could not be read back: {error}", part.segment.id.file_name()));
            return Ok(());
        }
    };
    let mut entries = Vec::new();
    let mut refusals = Vec::new();
    for frame in Frames::of(&bytes) {
        match frame.kind {
            Some(Kind::Settlement) => entries.extend(decode::settlement(frame.payload)),
            Some(Kind::Refusal) => refusals.extend(decode::refusal(frame.payload)),
            Some(Kind::Reservation) | None => {}
        }
        if entries.len() + refusals.len() >= shared.options.batch_rows {
            bring_rows(shared, &entries, &refusals)?;
            entries.clear();
            refusals.clear();
        }
    }
    bring_rows(shared, &entries, &refusals)?;
    releases.apply();
    shared.queue.spill_done();
    Ok(())
}

fn bring_rows(shared: &Shared, entries: &[Entry], refusals: &[Refusal]) -> Result<(), LeftBehind> {
    let rows = shared.options.batch_rows.max(1);
    entries.chunks(rows).try_for_each(|entries| bring_batch(shared, entries, &[]))?;
    refusals.chunks(rows).try_for_each(|refusals| bring_batch(shared, &[], refusals))
}

/// One transaction, again and again until the store takes it. A batch that was taken although it was reported as
/// failed is not taken twice: the store leaves rows alone that it has.
fn bring_batch(shared: &Shared, entries: &[Entry], refusals: &[Refusal]) -> Result<(), LeftBehind> {
    let mut wait = shared.options.retry_after;
    let mut tries_left = shared.options.close_tries;
    loop {
        match shared.store.append(entries, refusals) {
            Ok(_) => break,
            Err(error) => shared.note_failure(error.to_string()),
        }
        match shared.queue.pause(wait) {
            Ending::None => {}
            Ending::Sudden => return Err(LeftBehind),
            Ending::Graceful => {
                tries_left = tries_left.saturating_sub(1);
                if tries_left == 0 {
                    return Err(LeftBehind);
                }
            }
        }
        wait = wait.saturating_mul(2).min(shared.options.retry_at_most);
    }
    shared.note_success(u64::try_from(entries.len() + refusals.len()).unwrap_or(u64::MAX));
    if let Some(observer) = shared.options.observer.as_ref().filter(|_| !entries.is_empty()) {
        observer(entries);
    }
    Ok(())
}
