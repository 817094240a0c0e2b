//! The ledger's rows as text, page by page: so much at a time is in memory, and the store is free in between.

use keyward_domain::ledger::{Entry, EntryFilter, MAX_ENTRIES};

use super::Control;
use crate::error::AdminError;

/// Adds a row to a text.
type Write = dyn Fn(&Entry, &mut String) + Send + Sync;

/// Text over rows of the ledger.
pub struct Pages {
    content_type: &'static str,
    head: Option<String>,
    filter: EntryFilter,
    write: Box<Write>,
    is_over: bool,
}

impl Pages {
    /// The rows that the filter wants, each written by `write`, behind `head`.
    pub fn new(
        content_type: &'static str,
        head: String,
        filter: EntryFilter,
        write: impl Fn(&Entry, &mut String) + Send + Sync + 'static,
    ) -> Self {
        let filter = EntryFilter { limit: MAX_ENTRIES, ..filter };
        Self { content_type, head: Some(head), filter, write: Box::new(write), is_over: false }
    }

    /// What the text is.
    pub const fn content_type(&self) -> &'static str {
        self.content_type
    }

    /// The next piece of text; `None` when there is no more.
    pub async fn next(&mut self, control: &Control) -> Result<Option<String>, AdminError> {
        if let Some(head) = self.head.take().filter(|head| !head.is_empty()) {
            return Ok(Some(head));
        }
        if self.is_over {
            return Ok(None);
        }
        let filter = self.filter;
        let page = control.read(move |store| store.entries(&filter)).await?;
        self.filter.after = page.last().map(|last| last.subject.attempt);
        self.is_over = page.len() < usize::try_from(MAX_ENTRIES).unwrap_or(usize::MAX);
        let mut text = String::new();
        for entry in &page {
            (self.write)(entry, &mut text);
        }
        Ok(Some(text).filter(|text| !text.is_empty()))
    }
}

impl std::fmt::Debug for Pages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pages(..)")
    }
}
