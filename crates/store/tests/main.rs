//! The store through its public door.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends where something is not as it should be")]
#![expect(unreachable_pub, reason = "the parts of one test binary")]

mod conformance;
mod escrow;
mod journal;
mod redis;
mod sqlite;
mod support;
