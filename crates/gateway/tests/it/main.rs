//! The data plane through the door that clients use: real sockets on both sides, the scripted provider in the middle.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod house;

mod attempts;
mod authentication;
mod bound;
mod bounds;
mod budgets;
mod bytes_through;
mod claims;
mod deadlines;
mod guesses;
mod hostile;
mod idempotency;
mod lease_spending;
mod leases;
mod leaving;
mod ledger;
mod limits;
mod models;
mod pools;
mod queue;
mod routes;
mod streams_cut;
mod tenancy;
