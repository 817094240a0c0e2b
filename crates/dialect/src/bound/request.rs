//! References in a request.

use keyward_domain::dialect::{Dialect, Operation};

use crate::json::{Skip, marks};

use super::scan::scan;
use super::{Bound, Kind};

/// Keys whose values may refer to something, at any depth, as written: no client escapes them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Keys {
    /// In the conversation.
    pub(crate) conversation: &'static [&'static [u8]],
    /// In the conversation or in the tools.
    pub(crate) anywhere: &'static [&'static [u8]],
    /// The marks of both.
    pub(crate) marks: u64,
}

impl Keys {
    const NONE: Self = Self::new(&[], &[]);
    const BLOCKS: Self = Self::new(&[b"file_id"], &[]);
    const ITEMS: Self = Self::new(
        &[b"id", b"encrypted_content", b"container_id"],
        &[b"file_id", b"file_ids", b"vector_store_ids", b"container"],
    );
    const PARTS: Self = Self::new(&[b"fileUri", b"file_uri"], &[b"fileSearchStoreNames", b"file_search_store_names"]);

    const fn new(conversation: &'static [&'static [u8]], anywhere: &'static [&'static [u8]]) -> Self {
        Self { conversation, anywhere, marks: marks(conversation) | marks(anywhere) }
    }

    /// Those of one operation.
    pub(crate) const fn of(dialect: Dialect, operation: Operation) -> Self {
        use Operation::{Chat, CountTokens, Generate, Messages, Responses};
        match (dialect, operation) {
            (Dialect::OpenAi, Chat) | (Dialect::Anthropic, Messages | CountTokens) => Self::BLOCKS,
            (Dialect::OpenAi, Responses | CountTokens) => Self::ITEMS,
            (Dialect::Gemini, Generate | CountTokens) => Self::PARTS,
            _ => Self::NONE,
        }
    }
}

/// Adds what the conversation that begins here refers to.
pub(crate) fn conversation(dialect: Dialect, operation: Operation, skip: &mut Skip<'_>, bound: &mut Bound) {
    let has_items = dialect == Dialect::OpenAi && operation != Operation::Chat;
    let walked = skip.elements(|skip| match skip.peek()? {
        b'{' if has_items => item(operation, skip, bound),
        _ => scan(dialect, operation, skip, bound),
    });
    if walked.is_none() {
        // One message instead of a list, a string, or no JSON.
        scan(dialect, operation, skip, bound);
    }
}

/// Adds what tools refer to.
pub(crate) fn tools(dialect: Dialect, operation: Operation, value: &[u8], bound: &mut Bound) {
    scan(dialect, operation, &mut Skip::new(value, 0), bound);
}

/// Adds an id that is a string, or an object's member `id`.
pub(crate) fn id(kind: Kind, value: &[u8], bound: &mut Bound) {
    if value.first() == Some(&b'"') {
        bound.value(kind, value);
        return;
    }
    let _ends = Skip::new(value, 0).members(|skip, key| {
        let value = skip.raw()?;
        if key == b"id" {
            bound.value(kind, value);
        }
        Some(())
    });
}

/// An item of a conversation: a reference to a stored item, reasoning, or something that carries encrypted content.
fn item(operation: Operation, skip: &mut Skip<'_>, bound: &mut Bound) -> Option<()> {
    let (mut kind, mut id, mut encrypted, mut has_role): (&[u8], &[u8], &[u8], bool) = (b"", b"", b"", false);
    skip.members(|skip, key| {
        match (key, skip.peek()?) {
            (b"type", b'"') => kind = skip.string()?,
            (b"id", b'"') => id = skip.string()?,
            (b"encrypted_content", b'"') => encrypted = skip.string()?,
            (b"role", _) => {
                has_role = true;
                skip.raw()?;
            }
            (b"arguments" | b"annotations", _) => skip.pass()?,
            (b"container_id", b'"') => bound.text(Kind::Container, skip.string()?),
            _ => scan(Dialect::OpenAi, operation, skip, bound)?,
        }
        Some(())
    })?;
    // The type of a reference may be left out; then it has nothing but an id.
    let refers = matches!(kind, b"item_reference" | b"reasoning") || (kind.is_empty() && !has_role);
    if id.is_empty() {
        bound.text(Kind::Encrypted, encrypted);
    } else if refers || !encrypted.is_empty() {
        bound.text(Kind::Item, id);
    }
    Some(())
}
