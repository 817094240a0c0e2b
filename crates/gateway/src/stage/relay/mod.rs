//! Stage 7: [`Answer`] -> response. The body runs through the meter on its way to the client; the ledger row is durable
//! before the last byte leaves. Short JSON answers are read whole, everything else streams.

mod finish;
mod gathered;
mod headers;
mod linger;
mod silence;
mod stream;
mod whole;

use std::rc::Rc;

use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use http::{Response, response};
use keyward_dialect::tee::Shape;
use keyward_domain::denial::Denial;
use keyward_domain::ledger::AttemptOutcome;
use keyward_provider::inbound_headers;

use crate::body::{Body, is_length};
use crate::stage::admit::Place;
use crate::stage::arrive::Arrival;
use crate::stage::attempt::{About, Answer, AnswerBody, OpenAttempt};
use crate::upstream::Flowing;
use crate::worker::Worker;
pub(crate) use stream::{Abandoned, Relay};

/// Hands the answer to the client.
pub(crate) async fn response(worker: &Rc<Worker>, arrival: &Arrival, answer: Answer) -> Result<Response<Body>, Denial> {
    let Answer { mut head, body, attempt, candidate, attempts, place, about } = answer;
    let flowing = match body {
        AnswerBody::Judged(bytes) => {
            attempt.costs_nothing(worker, AttemptOutcome::UpstreamError).committed().await?;
            headers::finish(&mut head, arrival, &candidate, attempts, Some(bytes.len()));
            return Ok(Response::from_parts(head, Body::from(bytes)));
        }
        AnswerBody::Flowing(flowing) => flowing,
    };
    let shape = match shape(&head) {
        Ok(shape) => shape,
        Err(denial) => {
            attempt.cut(worker, AttemptOutcome::UpstreamError).committed().await?;
            return Err(denial);
        }
    };
    let relay = Relay::new(worker, arrival, Parts { flowing, shape, attempt, place, about });
    if relay.is_short() {
        return match whole::read(relay).await? {
            whole::Read::All(bytes, cost) => {
                headers::finish(&mut head, arrival, &candidate, attempts, Some(bytes.len()));
                headers::cost(&mut head, cost);
                Ok(Response::from_parts(head, Body::from(bytes)))
            }
            whole::Read::TooLong(relay) => {
                headers::finish(&mut head, arrival, &candidate, attempts, None);
                Ok(Response::from_parts(head, Body::Relayed(Some(relay))))
            }
        };
    }
    headers::finish(&mut head, arrival, &candidate, attempts, None);
    Ok(Response::from_parts(head, Body::Relayed(Some(relay))))
}

/// What a relay is made of.
pub(crate) struct Parts {
    flowing: Flowing,
    shape: Shape,
    attempt: OpenAttempt,
    place: Place,
    about: About,
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
