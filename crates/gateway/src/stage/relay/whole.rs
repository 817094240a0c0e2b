//! A JSON answer that is short is read whole: its cost is known before its first byte leaves, and it leaves in one
//! write. A long one streams.

use std::future::poll_fn;

use super::Begun;
use super::gathered::Gathered;
use super::stream::Relay;
use crate::body::BrokenOff;

/// Longer answers stream.
const MAX_WHOLE: usize = 256 * 1024;

/// Reads the answer to its end, or to the limit.
pub(super) async fn read(mut relay: Box<Relay>) -> Begun {
    let mut all = Gathered::default();
    loop {
        match poll_fn(|cx| relay.poll_frame(cx)).await {
            None => {
                let whole = Begun::Whole(all.take(), relay.cost());
                return match relay.take_refusal() {
                    Some(error) => Begun::Refused(error, Box::new(whole)),
                    None => whole,
                };
            }
            Some(Err(BrokenOff(denial))) => return Begun::Broken(denial),
            Some(Ok(frame)) => all.push(frame.into_data().unwrap_or_default()),
        }
        if all.len() > MAX_WHOLE {
            relay.put_back(all.take());
            return Begun::Streaming(relay);
        }
    }
}
