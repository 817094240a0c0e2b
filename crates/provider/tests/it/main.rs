//! What the crate promises, through its public door.

mod credential;
mod headers;
mod judgement;
mod preset;
mod probe;
mod quota;
mod retry_after;
mod sandbox;
mod target;
