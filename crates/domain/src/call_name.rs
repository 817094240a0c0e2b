//! The names that clients give their calls (`Idempotency-Key`), so that a call that is repeated is made once: also when
//! this process, or the one before it, has made it.

use std::time::Duration;

use crate::ids::RequestId;
use crate::ledger::{AttemptOutcome, Entry};
use crate::money::Nanodollars;
use crate::time::Timestamp;

/// How long the name of a call that was made is kept after its end.
pub const KEPT: Duration = Duration::from_hours(24);

/// Names that are given at once, and that stay when old ones are forgotten, at most: those of the calls that ended last.
/// With some 120 bytes each, all of them take 32 MB in memory.
pub const MAX_NAMED_CALLS: u32 = 262_144;

/// SHA-256.
pub type Digest = [u8; 32];

/// A call's name, and what it asks for. Nobody can read either off it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CallName {
    /// Of the virtual key and the name that the client gives: nobody meets another caller's.
    pub name: Digest,
    /// Of what is asked for: another request under the same name is not a repetition.
    pub fingerprint: Digest,
}

/// A call that was made under a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NamedCall {
    /// Its name.
    pub name: CallName,
    /// The call.
    pub request: RequestId,
    /// When its last attempt ended; when that began, where nobody knows.
    pub ended_at: Timestamp,
    /// Whether it is known what became of it.
    pub is_settled: bool,
}

impl NamedCall {
    /// What a ledger row says of a name: nothing, when its call has none or when nothing came of it, so that it may be
    /// tried again.
    pub fn of(entry: &Entry) -> Option<Self> {
        let name = entry.subject.named.as_deref().filter(|_| is_made(entry.outcome, entry.cost))?;
        Some(Self {
            name: *name,
            request: entry.subject.attempt.request,
            ended_at: entry.subject.at.plus(entry.duration),
            is_settled: entry.outcome != AttemptOutcome::Unsettled,
        })
    }
}

/// Whether an attempt that ended so must not be made again: it was answered well, is charged for, or may be.
pub fn is_made(outcome: AttemptOutcome, cost: Option<Nanodollars>) -> bool {
    matches!(outcome, AttemptOutcome::Completed | AttemptOutcome::Unsettled) || cost != Some(Nanodollars::ZERO)
}
