//! The pool through its door: time is moved by hand, chance has a seed that failures print.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]
#![expect(unreachable_pub, reason = "the parts of one test binary")]

mod canaries;
mod clock;
mod faults;
mod fresh;
mod house;
mod k02_dead_key;
mod k03_circuits;
mod k04_groups;
mod k05_strategies;
mod k06_headroom;
mod k07_affinity;
mod k12_explain;
mod l03_in_flight;
mod l05_capacity;
mod limits;
mod no_allocation;
mod operator;
mod properties;
mod registry;
mod retry;
mod single_models;
mod strangers;
