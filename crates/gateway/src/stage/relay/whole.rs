//! A JSON answer that is short is read whole: its cost is known before its first byte leaves, and it leaves in one
//! write. A long one streams.

use std::future::poll_fn;
use std::task::{Poll, ready};

use bytes::{Bytes, BytesMut};
use keyward_domain::denial::Denial;
use keyward_domain::money::Nanodollars;

use super::stream::Relay;

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
pub(super) async fn read(mut relay: Relay) -> Result<Read, Denial> {
    let mut first = Bytes::new();
    let mut more = BytesMut::new();
    loop {
        match poll_fn(|cx| Poll::Ready(ready!(relay.poll_frame(cx)).map(|frame| frame.map(|f| f.into_data().unwrap_or_default())))).await {
            None => {
                let all = if more.is_empty() { first } else { more.freeze() };
                return Ok(Read::All(all, relay.cost()));
            }
            Some(Err(_)) => return Err(Denial::UpstreamMalformed("it broke off or ended in the middle".to_owned())),
            Some(Ok(piece)) if first.is_empty() && more.is_empty() => first = piece,
            Some(Ok(piece)) => {
                if more.is_empty() {
                    more.reserve(first.len() + piece.len());
                    more.extend_from_slice(&std::mem::take(&mut first));
                }
                more.extend_from_slice(&piece);
            }
        }
        if first.len() + more.len() > MAX_WHOLE {
            let taken = if more.is_empty() { first } else { more.freeze() };
            relay.put_back(taken);
            return Ok(Read::TooLong(Box::new(relay)));
        }
    }
}
