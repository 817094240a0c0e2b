//! An answer that is one JSON document, of any size.

use bytes::Bytes;
use keyward_domain::dialect::{Dialect, Operation};

use crate::json::{Flow, Slot};

use super::event::read_document;
use super::tally::Tally;
use super::{Fed, Metered};

/// Watches one document.
#[derive(Debug)]
pub(crate) struct Document {
    dialect: Dialect,
    operation: Operation,
    flow: Flow,
    begun: bool,
}

impl Document {
    pub(crate) const fn new(dialect: Dialect, operation: Operation) -> Self {
        Self { dialect, operation, flow: Flow::new(b""), begun: false }
    }

    pub(crate) fn feed(&mut self, chunk: Bytes) -> Fed {
        let content = !self.begun && !chunk.is_empty();
        self.begun |= content;
        let before = self.flow.is_whole();
        self.flow.feed(&chunk);
        let terminal = self.flow.is_whole() && !before;
        let error = terminal && self.flow.kept(Slot::Error).is_some();
        Fed { forward: chunk, content, terminal, error }
    }

    pub(crate) fn metered(&self) -> Metered {
        let mut tally = Tally::new(self.dialect, self.operation);
        read_document(&self.flow, &mut tally);
        tally.into_metered()
    }
}
