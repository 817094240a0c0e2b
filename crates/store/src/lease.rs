//! What may become of a lease, the same for every store.

use keyward_domain::lease::{Lease, LeaseState};
use keyward_domain::port::StoreError;

/// What a put does to the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// It is there exactly so.
    Nothing,
    /// A new lease.
    Begin,
    /// An open one ends.
    End,
}

/// The step from what is stored to `wanted`. A lease begins open and ends once; nothing else about it changes.
pub(crate) fn step(stored: Option<&Lease>, wanted: &Lease) -> Result<Step, StoreError> {
    let is_open = wanted.state == LeaseState::Open;
    match stored {
        None if is_open => Ok(Step::Begin),
        Some(stored) if stored == wanted => Ok(Step::Nothing),
        Some(stored) if stored.state == LeaseState::Open && !is_open && stored.is_same_as(wanted) => Ok(Step::End),
        _ => Err(StoreError::Conflict(format!("lease `{}`", wanted.id))),
    }
}
