//! The script of an answer: status, headers, and pieces with pauses. Pieces are made one at a time, so that an answer of
//! a million tokens needs no memory.

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::Value;

use super::knobs::Knobs;

/// An answer to be played.
pub struct Scripted {
    /// HTTP status.
    pub status: StatusCode,
    /// Headers; `content-length` when the length is known.
    pub headers: HeaderMap,
    /// Pause before anything is sent, in milliseconds.
    pub first_delay_ms: u64,
    /// The body: each piece after its pause in milliseconds.
    pub pieces: Pieces,
}

/// The pieces of a body.
pub struct Pieces(Box<dyn Iterator<Item = (u64, Bytes)> + Send>);

impl Iterator for Pieces {
    type Item = (u64, Bytes);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }
}

impl Scripted {
    /// One piece.
    pub(super) fn whole(status: StatusCode, content_type: &'static str, body: Bytes) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
        let pieces = Pieces(Box::new(std::iter::once((0, body))));
        Self { status, headers, first_delay_ms: 0, pieces }
    }

    /// A JSON document.
    pub(super) fn json(status: StatusCode, value: &Value) -> Self {
        Self::whole(status, "application/json", Bytes::from(value.to_string()))
    }

    /// A good JSON answer, unless the knobs want a web page.
    pub(super) fn good(knobs: &Knobs, value: &Value) -> Self {
        let scripted = if knobs.malformed { Self::web_page() } else { Self::json(StatusCode::OK, value) };
        Self { first_delay_ms: knobs.ttft_ms.unwrap_or(0), ..scripted }
    }

    /// A stream: `before`, then the pieces of the answer with pauses between them, then `after`. An early end takes
    /// `after` away; a fault puts `failure` in its place.
    pub(super) fn stream(knobs: &Knobs, content_type: &'static str, parts: StreamParts) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        let gap = knobs.gap_ms.unwrap_or(0);
        let limit = [knobs.fail_after, knobs.cut_after].into_iter().flatten().min();
        let (after, taken) = match limit {
            None => (parts.after, u64::MAX),
            Some(count) if knobs.fail_after == Some(count) => (vec![parts.failure], count),
            Some(count) => (Vec::new(), count),
        };
        let taken = usize::try_from(taken).unwrap_or(usize::MAX);
        let text = parts.text.take(taken).map(move |piece| (gap, piece));
        let pieces = parts.before.into_iter().map(|piece| (0, piece)).chain(text);
        let pieces = Pieces(Box::new(pieces.chain(after.into_iter().map(|piece| (0, piece)))));
        Self { status: StatusCode::OK, headers, first_delay_ms: knobs.ttft_ms.unwrap_or(0), pieces }
    }

    fn web_page() -> Self {
        Self::whole(StatusCode::OK, "text/html", Bytes::from_static(b"<html><body>This is not an API.</body></html>"))
    }
}

/// What a stream is made of.
pub(super) struct StreamParts {
    /// Events before the answer.
    pub(super) before: Vec<Bytes>,
    /// The answer, piece by piece.
    pub(super) text: Box<dyn Iterator<Item = Bytes> + Send>,
    /// Events after the answer, usage among them.
    pub(super) after: Vec<Bytes>,
    /// The event of a fault in the middle.
    pub(super) failure: Bytes,
}

/// `data: {...}`, as OpenAI and Gemini write events.
pub(super) fn data(value: &Value) -> Bytes {
    Bytes::from(format!("data: {value}\n\n"))
}

/// `event: name` and `data: {...}`, as Anthropic and OpenAI's responses write events.
pub(super) fn event(name: &str, value: &Value) -> Bytes {
    Bytes::from(format!("event: {name}\ndata: {value}\n\n"))
}
