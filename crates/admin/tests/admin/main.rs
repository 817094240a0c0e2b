//! The control plane through its doors: the router in memory and the client over a socket.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod allowances;
mod budgets;
mod client;
mod corrections;
mod doors;
mod events;
mod explain;
mod figures;
mod granted;
mod health;
mod isolation;
mod key_life;
mod keys;
mod leases;
mod ledger;
mod limits;
mod models;
mod permissions;
mod pools;
mod providers;
mod secrets;
mod standings;
mod tenancy;
mod terms;
mod vault;
mod virtual_keys;
mod world;
