//! An answer that is one JSON document, of any size.

use bytes::Bytes;
use keyward_domain::dialect::{Dialect, Operation};

use crate::bound::{Bound, answer};
use crate::json::Flow;

use super::event::{document_error, read_document};
use super::tally::Tally;
use super::{Fed, MAX_EVENT, Metered};

/// Watches one document.
#[derive(Debug)]
pub(crate) struct Document {
    dialect: Dialect,
    operation: Operation,
    flow: Flow,
    /// Content was seen.
    begun: bool,
    /// The error that the document is.
    failure: Option<Box<str>>,
    /// Where documents may say that something was made.
    made: Option<Box<Made>>,
}

/// What a document says was made, which is known once it is whole.
#[derive(Debug, Default)]
struct Made {
    held: Vec<u8>,
    bound: Bound,
}

impl Document {
    pub(crate) fn new(dialect: Dialect, operation: Operation) -> Self {
        let makes = matches!(operation, Operation::Responses | Operation::Messages);
        Self {
            dialect,
            operation,
            flow: Flow::new(b""),
            begun: false,
            failure: None,
            made: makes.then(Box::<Made>::default),
        }
    }

    pub(crate) fn feed(&mut self, chunk: Bytes) -> Fed {
        let before = self.flow.is_whole();
        self.flow.feed(&chunk);
        let terminal = self.flow.is_whole() && !before;
        if terminal {
            self.failure = document_error(&self.flow);
        }
        let error = self.failure.is_some() && terminal;
        // A document that says what it says in no member that is known as content is content once it is whole.
        let content = !self.begun && self.failure.is_none() && (self.flow.has_content() || terminal);
        self.begun |= content;
        if let Some(made) = self.made.as_mut().filter(|_| !before) {
            made.feed(self.dialect, &chunk, terminal);
        }
        Fed { forward: chunk, content, terminal, error }
    }

    pub(crate) fn metered(&self) -> Metered {
        let mut tally = Tally::new(self.dialect, self.operation);
        if let Some(made) = &self.made {
            tally.bound.clone_from(&made.bound);
        }
        read_document(&self.flow, &mut tally);
        tally.into_metered()
    }

    pub(crate) fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }
}

impl Made {
    /// The next piece, the last one if the document is whole with it. Documents longer than [`MAX_EVENT`] are not looked
    /// at.
    fn feed(&mut self, dialect: Dialect, chunk: &[u8], is_whole: bool) {
        if self.bound.overflowed() {
            return;
        }
        if self.held.len() + chunk.len() > MAX_EVENT {
            self.held = Vec::new();
            self.bound.overflow();
            return;
        }
        if !is_whole || !self.held.is_empty() {
            self.held.extend_from_slice(chunk);
        }
        if is_whole {
            let held = std::mem::take(&mut self.held);
            let document = if held.is_empty() { chunk } else { &held };
            match dialect {
                Dialect::OpenAi => answer::response(document, &mut self.bound),
                Dialect::Anthropic => answer::message(document, &mut self.bound),
                Dialect::Gemini => {}
            }
        }
    }
}
