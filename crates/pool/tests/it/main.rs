//! The pool through its door: time is moved by hand, chance has a seed that failures print.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]
#![expect(unreachable_pub, reason = "the parts of one test binary")]

mod house;
mod k02_dead_key;
