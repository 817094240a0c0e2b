//! A JSON answer that is short is read whole: its cost is known before its first byte leaves, and it leaves in one
//! write. A long one streams.

use std::future::poll_fn;

use bytes::Bytes;
use keyward_domain::denial::Denial;
use keyward_domain::money::Nanodollars;

use super::gathered::Gathered;
use super::stream::Relay;
use crate::body::BrokenOff;

/// Longer answers stream.
const MAX_WHOLE: usize = 256 * 1024;

/// An answer, read as far as it goes.
pub(super) enum Read {
    /// All of it, settled, with its cost.
    All(Bytes, Option<Nanodollars>),
    /// Too long to keep: what was read is put back, the rest streams.
    TooLong(Box<Relay>),
}

/// Reads the answer to its end, or to the limit.
pub(super) async fn read(mut relay: Box<Relay>) -> Result<Read, Denial> {
    let mut all = Gathered::default();
    loop {
        match poll_fn(|cx| relay.poll_frame(cx)).await {
            None => return Ok(Read::All(all.take(), relay.cost())),
            Some(Err(BrokenOff(denial))) => return Err(denial),
            Some(Ok(frame)) => all.push(frame.into_data().unwrap_or_default()),
        }
        if all.len() > MAX_WHOLE {
            relay.put_back(all.take());
            return Ok(Read::TooLong(relay));
        }
    }
}
