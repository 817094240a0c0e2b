//! JSON without a tree: a validating cursor, a quick one that checks nothing, lazy walks over one object or array, and a
//! scanner for documents that arrive in pieces. Nothing here recurses or allocates in proportion to the document.

mod flow;
mod number;
mod plain;
mod scan;
mod skip;
mod text;
mod walk;

pub(crate) use flow::{Flow, Slot};
pub(crate) use number::{Count, count, milliseconds};
pub(crate) use plain::{BLOCK, key_ends};
pub(crate) use scan::{Flaw, FlawKind, Scanner, mark, marks};
pub(crate) use skip::Skip;
pub(crate) use text::{characters, decode, is_document, measure, quote, text, text_len};
pub(crate) use walk::{Elements, Members, each, place};

/// Whether this byte is JSON white space.
pub(crate) const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\r' | b'\t')
}

/// Whether this is the literal `null`.
pub(crate) fn is_null(value: &[u8]) -> bool {
    value == b"null"
}
