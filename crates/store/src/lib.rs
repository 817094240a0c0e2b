//! Durable truth behind the domain's ports.
//!
//! - [`sqlite`] keeps configuration, audit log, ledger and what pools learned in one file, for one node.
//! - [`memory`] keeps the same for as long as the process lives: demos, tests, the library without a home.
//! - [`redis`] keeps the counters of limits that several nodes share.
//! - [`journal`] stands in front of either: the append-only files on the request path that make a ledger row survive
//!   the process before anything is sent, and bring it to the store afterwards, once.
//!
//! Both stores pass the same conformance suite (`tests/conformance`). This room sees sealed bytes and hashes only; it
//! cannot decrypt anything.

mod change;
mod code;
mod escrow;
mod home_lock;
pub mod journal;
mod lease;
pub mod memory;
mod page;
pub mod redis;
mod report;
pub mod sqlite;
mod sums;

pub use home_lock::is_locked_by_other;
