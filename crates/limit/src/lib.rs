//! What callers may spend and how fast they may call.
//!
//! Pure: no socket, no SQL, no clock. Moments come in with every question; everything is shared by all event loops and
//! guarded by locks that are held for the time of a few additions.

pub mod book;
pub mod escrow;
pub mod queue;
pub mod rate;
mod sync;
