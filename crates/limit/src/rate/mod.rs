//! The limits: how many calls and tokens a scope may use within a length of time, and how many calls at once.
//!
//! - [`Limits`] knows which limits a call touches.
//! - [`InProcess`] counts them, for one node exactly. Counters that several nodes share stand behind the same port
//!   ([`Counters`](keyward_domain::port::Counters)).
//! - [`Guesses`] slows down whoever tries keys that are not valid.
//!
//! Three ways of counting, chosen by the limit: a *window* never lets more than the quota pass in any stretch of one
//! period; a *bucket* lets the quota pass evenly spread and an explicit burst at once, so at most quota and burst in any
//! stretch; *places* are calls in flight.

mod counter;
mod guesses;
mod in_process;
mod limits;

pub use guesses::{Guesses, MAX_NETWORKS};
pub use in_process::{InProcess, MAX_SCOPES};
pub use limits::Limits;
