//! Searches a part of a body for keys that matter, at memory speed and without knowing their depth.
//!
//! It rests on one property of valid JSON: a backslash stands only inside strings, so a quote with an even number of
//! backslashes before it opens or closes a string, wherever it is. Therefore a key is exactly: such a quote, white
//! space, a colon; and its text is what stands between that quote and the one before it.

use std::ops::Range;

use crate::bound::request::Keys;
use crate::json::{BLOCK, decode, key_ends, mark};

use super::collect::Collector;
use super::name::{self, MAX_SPELLED, Name};

/// What was found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// A key that matters in the top level.
    pub(crate) name: bool,
    /// A key whose value may refer to account-bound state, in the conversation.
    pub(crate) reference: bool,
    /// The same, in the conversation or in the tools.
    pub(crate) anywhere: bool,
}

/// Searches this part of the body.
pub(crate) fn search(collector: &Collector<'_>, part: Range<usize>) -> Found {
    let body = collector.body();
    let Range { start, end } = part;
    let keys = Keys::of(collector.dialect, collector.operation);
    let mut found = Found::default();
    let mut at = start;
    // Whole blocks first, each with the two bytes before it: most hold no key at all.
    if at < 2 && end >= 2 {
        at = 2;
    }
    while at + BLOCK <= end && at >= 2 {
        let block = |from: usize| body.get(from..).and_then(<[u8]>::first_chunk::<BLOCK>);
        let (Some(two), Some(one), Some(this)) = (block(at - 2), block(at - 1), block(at)) else { break };
        if let Some(hits) = key_ends(two, one, this) {
            for (_, colon) in hits.iter().zip(at..).filter(|(hit, _)| **hit != 0) {
                found.key(collector, keys, colon);
            }
        }
        at += BLOCK;
    }
    let rest = body.get(at..end).unwrap_or_default();
    for (_, colon) in rest.iter().zip(at..).filter(|(byte, _)| **byte == b':') {
        found.key(collector, keys, colon);
    }
    found
}

impl Found {
    /// Adds what was found in another part.
    pub(crate) const fn add(&mut self, other: Self) {
        self.name |= other.name;
        self.reference |= other.reference;
        self.anywhere |= other.anywhere;
    }

    /// Notes the key before this colon, if one stands there and matters.
    #[inline]
    fn key(&mut self, collector: &Collector<'_>, keys: Keys, colon: usize) {
        let Some(key) = key(collector.body(), colon) else { return };
        if keys.marks & mark(key.first().copied().unwrap_or_default(), key.len()) != 0 {
            self.anywhere |= keys.anywhere.contains(&key);
            self.reference |= self.anywhere || keys.conversation.contains(&key);
        }
        self.name |= named(collector, key).is_some_and(|name| name != Name::Tools);
    }
}

/// The key before this colon, when it is short enough to matter.
#[inline]
fn key(body: &[u8], colon: usize) -> Option<&[u8]> {
    let before = body.get(..colon)?;
    let before = if before.last() == Some(&b'"') { before } else { before.trim_ascii_end() };
    let inside = before.strip_suffix(b"\"").filter(|inside| !escaped(inside))?;
    // A key that is longer than any spelling of any name does not matter.
    let length = inside.iter().rev().take(MAX_SPELLED + 1).position(|byte| *byte == b'"')?;
    let (front, inner) = inside.split_at(inside.len() - length);
    // A key with a quote in it is none of ours.
    (!escaped(front.strip_suffix(b"\"").unwrap_or(front))).then_some(inner)
}

/// What the key is, given as written between its quotes, when it matters in the top level.
#[inline]
pub(crate) fn named(collector: &Collector<'_>, inner: &[u8]) -> Option<Name> {
    if inner.contains(&b'\\') {
        return name::find(collector.dialect, collector.operation, decode(inner)?.as_bytes());
    }
    name::find(collector.dialect, collector.operation, inner)
}

/// Whether a quote behind this text is escaped.
#[inline]
pub(crate) fn escaped(before: &[u8]) -> bool {
    before.iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1
}
