//! State that one account at the provider holds and a request refers to, or that an answer says was made: responses,
//! files, encrypted reasoning. Another account cannot serve such a request.
//!
//! Not here, because nothing documents that it is bound to an account: Anthropic's signed thinking, Gemini's thought
//! signatures. Ids of batches do not occur in any body that is read here.

pub(crate) mod answer;
pub(crate) mod request;
mod scan;

use std::borrow::Cow;

use crate::digest::digest;
use crate::json::decode;

/// The most references that are kept of one body.
pub const MAX_BOUND: usize = 64;

/// What is referred to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A stored response (`previous_response_id`).
    Response,
    /// A stored conversation.
    Conversation,
    /// An item of a response, by its id: `item_reference`, reasoning.
    Item,
    /// Encrypted content without an id: the hash is that of the content.
    Encrypted,
    /// An uploaded or generated file.
    File,
    /// A container that code runs in.
    Container,
    /// A vector store or file search store.
    VectorStore,
    /// Gemini's cached content.
    CachedContent,
    /// A stored prompt (`prompt` of a response).
    Prompt,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 9] = [
        Self::Response,
        Self::Conversation,
        Self::Item,
        Self::Encrypted,
        Self::File,
        Self::Container,
        Self::VectorStore,
        Self::CachedContent,
        Self::Prompt,
    ];

    /// The word that explanations, rows and metrics use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Response => "response",
            Self::Conversation => "conversation",
            Self::Item => "item",
            Self::Encrypted => "encrypted",
            Self::File => "file",
            Self::Container => "container",
            Self::VectorStore => "vector_store",
            Self::CachedContent => "cached_content",
            Self::Prompt => "prompt",
        }
    }

    /// The kind that this word names.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// Whether a conversation gathers many of them, of which the newest tell the most.
    const fn gathers(self) -> bool {
        matches!(self, Self::Item | Self::Encrypted)
    }
}

/// One reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Reference {
    /// What it refers to.
    pub kind: Kind,
    /// The hash of its id, as [`crate::digest::digest`] makes it.
    pub id: u64,
}

/// The references of one body, each once, in the order in which they stand there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bound {
    list: Vec<Reference>,
    overflowed: bool,
}

impl Bound {
    pub(crate) const fn new() -> Self {
        Self { list: Vec::new(), overflowed: false }
    }

    /// The references; usually none.
    pub fn references(&self) -> &[Reference] {
        &self.list
    }

    /// Whether there is no reference at all.
    pub const fn is_empty(&self) -> bool {
        self.list.is_empty() && !self.overflowed
    }

    /// Whether there were more than [`MAX_BOUND`], or more than could be looked at: then what is missing may belong to
    /// any account. Of items the oldest are missing.
    pub const fn overflowed(&self) -> bool {
        self.overflowed
    }

    /// An id, as a JSON value; what is no string, or empty, refers to nothing.
    pub(crate) fn value(&mut self, kind: Kind, value: &[u8]) {
        if let Some(inner) = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")) {
            self.text(kind, inner);
        }
    }

    /// An id, as the text between its quotes.
    pub(crate) fn text(&mut self, kind: Kind, inner: &[u8]) {
        if inner.is_empty() {
            return;
        }
        let id = if inner.contains(&b'\\') {
            let Some(text) = decode(inner) else { return };
            digest(Cow::as_ref(&text).as_bytes())
        } else {
            digest(inner)
        };
        self.add(Reference { kind, id });
    }

    fn add(&mut self, reference: Reference) {
        if self.list.contains(&reference) {
            return;
        }
        if self.list.len() >= MAX_BOUND {
            self.overflow();
            let Some(oldest) = self.list.iter().position(|reference| reference.kind.gathers()) else { return };
            self.list.remove(oldest);
        }
        self.list.push(reference);
    }

    pub(crate) const fn overflow(&mut self) {
        self.overflowed = true;
    }
}
