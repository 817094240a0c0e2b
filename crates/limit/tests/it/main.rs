//! What the crate promises, through its public door.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod book;
mod queue;
mod rate;
mod sync;
