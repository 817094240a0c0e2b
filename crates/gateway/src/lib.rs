//! The data plane. Start at [`pipeline`]: one screen, one line per stage.
//!
//! A gateway runs one event loop per core; a connection lives on one of them for good, together with the upstream
//! connections it uses, so that nothing on the way of a request is shared or locked. Configuration comes as one
//! immutable [`Snapshot`], the ledger is a [`Journal`](keyward_domain::port::Journal) per event loop.

mod bindings;
mod body;
mod capacities;
mod claims;
mod counting;
mod egress;
mod idempotency;
mod lease;
mod ledger;
mod line;
mod metrics;
mod options;
mod pipeline;
mod prompt_tokens;
mod refuse;
mod server;
mod snapshot;
mod stage;
mod surface;
mod upstream;
mod worker;

pub use bindings::{Bindings, Forgetful, Keeper};
pub use counting::Counting;
pub use egress::egress;
pub use metrics::Metrics;
pub use options::{Attempts, Deadlines, Disconnect, Limits, Options, Queue};
pub use server::{Gateway, Running, StartError};
pub use snapshot::{
    Deployment, Lead, Living, ModelCard, Pooled, ProviderEntry, Resolution, Route, Snapshot, SnapshotHandle,
};
pub use surface::{ENDPOINTS, Endpoint, ModelIn};
pub use upstream::BadRoot;
