//! Where secrets come from, through the door.

#![expect(clippy::unwrap_used, reason = "a failed step of the set-up is a failed test")]

mod discover;
mod dot_env;
mod form;
mod reference;
mod sample;
