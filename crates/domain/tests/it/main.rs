//! What the crate promises, through its public door.

mod catalog;
mod cost;
mod ledger;
mod windows;
