//! Stage 7: [`Answer`] -> response. The body runs through the meter on its way to the client; the ledger row is durable
//! before the last byte leaves. Short JSON answers are read whole, everything else streams.
//!
//! [`begin`] is the part of it that the attempt waits for: until there is content, the client has got nothing, and
//! somebody else may be asked.

mod finish;
mod first;
mod gathered;
mod headers;
mod linger;
mod silence;
mod stream;
mod whole;

use std::rc::Rc;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use http::{Response, response};
use keyward_dialect::tee::Shape;
use keyward_domain::denial::Denial;
use keyward_domain::ledger::AttemptOutcome;
use keyward_domain::money::Nanodollars;
use keyward_provider::inbound_headers;

use crate::body::{Body, is_length};
use crate::stage::arrive::Arrival;
use crate::stage::attempt::{About, Answer, OpenAttempt, broken_off};
use crate::upstream::Flowing;
use crate::worker::Worker;
pub(crate) use headers::{RATE_LIMIT, RATE_LIMIT_POLICY};
pub(crate) use stream::{Abandoned, Relay};

/// A good answer whose body has not been read yet.
pub(crate) struct Parts {
    pub(crate) head: response::Parts,
    pub(crate) flowing: Flowing,
    pub(crate) attempt: Box<OpenAttempt>,
    pub(crate) about: About,
}

/// An answer, as far as it had to be read.
pub(crate) enum Begun {
    /// All of it is here, with what it cost.
    Whole(Bytes, Option<Nanodollars>),
    /// Its first content is here, the rest streams.
    Streaming(Box<Relay>),
    /// An error came instead of content, as this JSON says; the client would see the second part.
    Refused(Box<str>, Box<Begun>),
    /// It broke off before there was content.
    Broken(Denial),
}

/// Reads a good answer up to its first content, or whole if it is short. Whatever becomes of it, its row is written, or
/// will be when it ends.
pub(crate) async fn begin(worker: &Rc<Worker>, arrival: &Arrival, parts: Parts) -> (response::Parts, Begun) {
    let Parts { head, flowing, attempt, about } = parts;
    let shape = match shape(&head) {
        Ok(shape) => shape,
        Err(denial) => {
            let ledger = attempt.cut(worker, AttemptOutcome::UpstreamError, Some(&broken_off(&denial)));
            // Should the commit fail, the row is kept for the next one.
            drop(ledger.committed().await);
            return (head, Begun::Broken(denial));
        }
    };
    let relay = Relay::new(worker, arrival, shape, flowing, attempt, about);
    let begun = if relay.is_short() { whole::read(relay).await } else { first::content(relay).await };
    (head, begun)
}

/// Hands the answer to the client.
pub(crate) fn response(arrival: &Arrival, answer: Answer) -> Response<Body> {
    let Answer { mut head, begun, candidate, attempts, place, lowered, explained } = answer;
    let body = match begun {
        Begun::Whole(bytes, cost) => {
            headers::finish(&mut head, arrival, &candidate, attempts, Some(bytes.len()));
            headers::limits(&mut head, place.as_ref());
            headers::cost(&mut head, cost);
            Body::from(bytes)
        }
        Begun::Streaming(mut relay) => {
            headers::finish(&mut head, arrival, &candidate, attempts, None);
            headers::limits(&mut head, place.as_ref());
            relay.go_on(place);
            Body::Relayed(Some(relay))
        }
        // The attempt loop lets neither of them through.
        Begun::Refused(..) | Begun::Broken(_) => Body::Whole(None),
    };
    headers::lowered(&mut head, lowered);
    headers::explain(&mut head, explained);
    Response::from_parts(head, body)
}

/// What kind of body this is. A page of HTML is no answer of a model, whatever its status says.
fn shape(head: &response::Parts) -> Result<Shape, Denial> {
    let encoded = head.headers.get(CONTENT_ENCODING).is_some_and(|encoding| encoding.as_bytes() != b"identity");
    let kind = head.headers.get(CONTENT_TYPE).map_or(&b""[..], |kind| kind.as_bytes());
    let is = |name: &[u8]| kind.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
    if is(b"text/html") {
        return Err(Denial::UpstreamMalformed("it is a page of HTML".to_owned()));
    }
    Ok(if encoded {
        Shape::Opaque
    } else if is(b"text/event-stream") {
        Shape::Sse
    } else if is(b"application/json") {
        Shape::Json
    } else {
        Shape::Opaque
    })
}

/// What of the provider's head must not reach the client as it is. A length that is true may stay.
fn clean(head: &mut response::Parts, length: Option<usize>) {
    inbound_headers(&mut head.headers);
    let Some(length) = length else {
        head.headers.remove(CONTENT_LENGTH);
        return;
    };
    if !is_length(head.headers.get(CONTENT_LENGTH), length) {
        head.headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
}
