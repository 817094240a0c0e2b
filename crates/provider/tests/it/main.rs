//! What the crate promises, through its public door.

mod credential;
mod headers;
mod preset;
mod probe;
mod retry_after;
mod sandbox;
mod target;
mod verdict;
