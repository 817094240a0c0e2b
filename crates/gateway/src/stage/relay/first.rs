//! The beginning of a stream is held back until its first content: lifecycle events before it promise nothing, and a
//! provider that fails behind them can still be replaced by another.

use std::future::poll_fn;

use super::Begun;
use super::stream::{First, Relay};

/// Reads as far as the first content. A provider that is silent for as long as a client should ever wait for a sign of
/// life is taken at its word: then the client gets what there is.
pub(super) async fn content(mut relay: Box<Relay>) -> Begun {
    match poll_fn(|cx| relay.poll_first(cx)).await {
        First::Content | First::Ended | First::Quiet => Begun::Streaming(relay),
        First::Refused(error) => Begun::Refused(error, Box::new(Begun::Streaming(relay))),
        First::Broken(denial) => Begun::Broken(denial),
    }
}
