//! Looks for references at any depth of a value.

use keyward_domain::dialect::{Dialect, Operation};

use crate::json::Skip;

use super::{Bound, Kind};

/// What a key says about its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    /// An id of this kind, or a list of such ids.
    Id(Kind),
    /// What is in there was written by the caller's own tools, or cites what is not used: nothing in it refers.
    Foreign,
    Nothing,
}

/// Adds every reference in the value that comes next, and passes it. Nothing when it does not end.
///
/// It does not recurse: brackets are counted, and a string is a key when a colon follows.
pub(super) fn scan(dialect: Dialect, operation: Operation, skip: &mut Skip<'_>, bound: &mut Bound) -> Option<()> {
    let mut depth = 0_usize;
    loop {
        match skip.peek()? {
            b'{' | b'[' => {
                skip.bump();
                depth += 1;
                continue;
            }
            b'}' | b']' => {
                skip.bump();
                depth = depth.checked_sub(1)?;
            }
            b',' => skip.bump(),
            b'"' => {
                let text = skip.string()?;
                if skip.take(b':') {
                    member(says(dialect, operation, text), skip, bound)?;
                    continue;
                }
            }
            _ => skip.pass()?,
        }
        if depth == 0 {
            return Some(());
        }
    }
}

/// Behind a key: takes the value if it is an id or nothing to look into.
fn member(says: Says, skip: &mut Skip<'_>, bound: &mut Bound) -> Option<()> {
    match says {
        Says::Nothing => {}
        Says::Foreign => skip.pass()?,
        Says::Id(kind) => match skip.peek()? {
            b'"' => note(kind, skip.string()?, bound),
            b'[' => skip.elements(|skip| match skip.peek()? {
                b'"' => {
                    note(kind, skip.string()?, bound);
                    Some(())
                }
                _ => skip.pass(),
            })?,
            // An object with its own members: looked at like any other value.
            _ => {}
        },
    }
    Some(())
}

fn note(kind: Kind, id: &[u8], bound: &mut Bound) {
    // Addresses of films and of buckets that are not the account's come in the same place as those of its files.
    let is_elsewhere = kind == Kind::File
        && memchr::memmem::find(id, b"://").is_some()
        && memchr::memmem::find(id, b"generativelanguage.googleapis.com").is_none();
    if !is_elsewhere {
        bound.text(kind, id);
    }
}

/// INVARIANT: what is an id here is in [`super::request::Keys`] for the same operation (test `d01_leap_equals_full_scan`).
fn says(dialect: Dialect, operation: Operation, key: &[u8]) -> Says {
    match (dialect, key) {
        (Dialect::OpenAi | Dialect::Anthropic, b"file_id") | (Dialect::Gemini, b"fileUri" | b"file_uri") => {
            Says::Id(Kind::File)
        }
        (Dialect::OpenAi, b"parameters" | b"arguments" | b"annotations")
        | (Dialect::Anthropic, b"input")
        | (Dialect::Gemini, b"args" | b"response") => Says::Foreign,
        (Dialect::OpenAi, _) if operation == Operation::Chat => Says::Nothing,
        (Dialect::OpenAi, b"file_ids") => Says::Id(Kind::File),
        (Dialect::OpenAi, b"vector_store_ids")
        | (Dialect::Gemini, b"fileSearchStoreNames" | b"file_search_store_names") => Says::Id(Kind::VectorStore),
        (Dialect::OpenAi, b"container" | b"container_id") => Says::Id(Kind::Container),
        _ => Says::Nothing,
    }
}
