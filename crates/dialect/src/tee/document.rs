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
    /// What came so far, where the whole document has to be looked at once more for what it refers to.
    held: Vec<u8>,
    bound: Bound,
}

impl Document {
    pub(crate) const fn new(dialect: Dialect, operation: Operation) -> Self {
        let flow = Flow::new(b"");
        Self { dialect, operation, flow, begun: false, failure: None, held: Vec::new(), bound: Bound::new() }
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
        if matches!(self.operation, Operation::Responses | Operation::Messages) {
            self.refer(&chunk, terminal);
        }
        Fed { forward: chunk, content, terminal, error }
    }

    pub(crate) fn metered(&self) -> Metered {
        let mut tally = Tally::new(self.dialect, self.operation);
        tally.bound = self.bound.clone();
        read_document(&self.flow, &mut tally);
        tally.into_metered()
    }

    pub(crate) fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    /// Notes what the document says was made. Documents longer than [`MAX_EVENT`] are not looked at.
    fn refer(&mut self, chunk: &[u8], is_whole: bool) {
        if self.bound.overflowed() || (self.flow.is_whole() && !is_whole) {
            return;
        }
        if self.held.len() + chunk.len() > MAX_EVENT {
            self.held = Vec::new();
            self.bound.overflow();
            return;
        }
        if !(is_whole && self.held.is_empty()) {
            self.held.extend_from_slice(chunk);
        }
        if is_whole {
            let held = std::mem::take(&mut self.held);
            let document = if held.is_empty() { chunk } else { &held };
            match self.dialect {
                Dialect::OpenAi => answer::response(document, &mut self.bound),
                Dialect::Anthropic => answer::message(document, &mut self.bound),
                Dialect::Gemini => {}
            }
        }
    }
}
