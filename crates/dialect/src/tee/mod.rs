//! The answer side: bytes go by, and what they say about usage, errors and endings is noted.
//!
//! What is forwarded is what came, in the same order and at once, with two exceptions: a stream whose usage the client
//! did not ask for is rid of it again (`hide_usage`), and there, or where it is so wished ([`Meter::whole_events`]), an
//! event is forwarded when it is whole.
//!
//! INVARIANT: however the answer is cut into pieces, the same bytes are forwarded in total and the same is metered
//! (test `d01_any_rechunking_forwards_and_meters_the_same`).

mod document;
mod event;
mod fields;
mod frame;
mod long;
mod stream;
mod tally;
mod template;

use bytes::Bytes;
use keyward_domain::dialect::{Dialect, Operation};
use keyward_domain::usage::{Usage, UsageSource};

use crate::bound::Bound;

use document::Document;
use stream::Stream;
use tally::Tally;

/// The longest event that is held and read as a whole, in bytes. Of longer ones only the members that matter are kept
/// while they go by.
pub const MAX_EVENT: usize = 1024 * 1024;
/// The longest error event that is kept, in bytes.
pub const MAX_ERROR: usize = 8 * 1024;

/// What kind of body the answer is, by its content type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shape {
    /// `application/json`; also Gemini's stream as one JSON array.
    Json,
    /// `text/event-stream`.
    Sse,
    /// Anything else: audio, plain text.
    Opaque,
}

/// What to do after a piece of the answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fed {
    /// What the client gets now.
    pub forward: Bytes,
    /// The first content was in this piece: text, reasoning, a tool call, a picture, sound, a refusal; true at most once.
    /// What came before it says nothing of the answer and can be taken back. An answer may end without any.
    pub content: bool,
    /// The end of the answer is in this piece: settle, then forward it. Gemini streams have no such end but the body's.
    pub terminal: bool,
    /// An error event, or a document that is an error, in an answer that began as a success: see [`Meter::failure`].
    pub error: bool,
}

/// What is known about the answer so far.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts about one answer, read one by one")]
pub struct Metered {
    /// What the provider says was consumed. When the source is `Partial` the prompt is right and the answer a lower
    /// bound: the greater of it and an estimate from `content_bytes` counts.
    pub usage: Option<Usage>,
    /// How far `usage` can be trusted. `Estimated`: there is none, estimate it. `None`: nothing was consumed, because the
    /// operation is free or an error came before any content.
    pub source: UsageSource,
    /// The provider's own usage object, when it fits `MAX_RAW_USAGE`; for Anthropic streams those of both events.
    pub raw_usage: Option<Box<str>>,
    /// The service tier that served it; for Gemini the traffic type.
    pub service_tier: Option<Box<str>>,
    /// The model that answered, as the provider calls it.
    pub model: Option<Box<str>>,
    /// Bytes of text, tool arguments and reasoning seen: what an estimate rests on. An upper bound in JSON answers, the
    /// length of the body in others.
    pub content_bytes: u64,
    /// The error event, as written: the envelope in which the dialect's HTTP errors come, too.
    pub stream_error: Option<Box<str>>,
    /// The answer came to its proper end: terminal event, whole document, or for Gemini a finish reason.
    pub complete: bool,
    /// Some answer said why it finished, whether or not the stream did properly end.
    pub finished: bool,
    /// The provider reported counts that cannot be true; they are not in `usage`.
    pub suspect: bool,
    /// Some event was longer than [`MAX_EVENT`]; its text is not in `content_bytes`.
    pub oversized: bool,
    /// The body is not what its content type says: no JSON, or events that are none.
    pub malformed: bool,
    /// What the answer says was made, or is held, by the account that answered: a later request that refers to it has to
    /// go there.
    pub bound: Bound,
}

/// Watches one answer.
#[derive(Debug)]
pub struct Meter {
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Events(Box<Stream>),
    Document(Box<Document>),
    Opaque { operation: Operation, bytes: u64 },
}

impl Meter {
    /// For one answer. `hide_usage` takes out what [`crate::splice::Edits::include_usage`] asked for.
    pub fn new(dialect: Dialect, operation: Operation, shape: Shape, hide_usage: bool) -> Self {
        Self {
            kind: match shape {
                Shape::Sse => Kind::Events(Box::new(Stream::new(dialect, operation, hide_usage))),
                Shape::Json => Kind::Document(Box::new(Document::new(dialect, operation))),
                Shape::Opaque => Kind::Opaque { operation, bytes: 0 },
            },
        }
    }

    /// Forwards whole events only, also where nothing is hidden. Clients cannot use half an event anyway, and behind a
    /// whole one an error event of our own can always be put; what [`Self::end`] then gives is half an event.
    #[must_use]
    pub fn whole_events(mut self) -> Self {
        if let Kind::Events(stream) = &mut self.kind {
            stream.hold_events();
        }
        self
    }

    /// Bytes of text, tool arguments and reasoning seen so far.
    pub const fn content_bytes(&self) -> u64 {
        match &self.kind {
            Kind::Events(stream) => stream.content_bytes(),
            Kind::Document(_) => 0,
            Kind::Opaque { bytes, .. } => *bytes,
        }
    }

    /// The next piece of the answer, of any size.
    pub fn feed(&mut self, chunk: Bytes) -> Fed {
        match &mut self.kind {
            Kind::Events(stream) => stream.feed(chunk),
            Kind::Document(document) => document.feed(chunk),
            Kind::Opaque { bytes, .. } => {
                let content = *bytes == 0 && !chunk.is_empty();
                *bytes += chunk.len() as u64;
                Fed { forward: chunk, content, ..Fed::default() }
            }
        }
    }

    /// The answer is over, well or not. Gives what was withheld; ask [`Self::metered`] after this, not before.
    pub fn end(&mut self) -> Bytes {
        match &mut self.kind {
            Kind::Events(stream) => stream.end(),
            Kind::Document(_) | Kind::Opaque { .. } => Bytes::new(),
        }
    }

    /// What is known so far.
    pub fn metered(&self) -> Metered {
        match &self.kind {
            Kind::Events(stream) => stream.metered(),
            Kind::Document(document) => document.metered(),
            Kind::Opaque { operation, bytes } => {
                let mut tally = Tally::new(Dialect::OpenAi, *operation);
                tally.text(*bytes);
                tally.into_metered()
            }
        }
    }

    /// The error that the answer ended with, as JSON in most cases: the data of the event, or the error of the document
    /// in the envelope of the dialect's HTTP errors; at most [`MAX_ERROR`] bytes of it. Known as soon as [`Fed::error`] says
    /// so, or [`Self::end`] was called.
    pub fn failure(&self) -> Option<&str> {
        match &self.kind {
            Kind::Events(stream) => stream.failure(),
            Kind::Document(document) => document.failure(),
            Kind::Opaque { .. } => None,
        }
    }

    /// Whether an event of our own (a keep-alive comment, an error) may be put in here.
    pub fn at_event_boundary(&self) -> bool {
        match &self.kind {
            Kind::Events(stream) => stream.at_event_boundary(),
            Kind::Document(_) | Kind::Opaque { .. } => false,
        }
    }
}
