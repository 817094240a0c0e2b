//! The fast way through a large body: read members from both ends inwards, search the rest.
//!
//! It rests on one property of valid JSON: a backslash stands only inside strings, so a quote with an even number of
//! backslashes before it opens or closes a string, wherever it is. Therefore a key is exactly: such a quote, white
//! space, a colon; and its text is what stands between that quote and the one before it. What is not valid JSON may be
//! misread here; the provider then refuses it.
//!
//! The members in front of the first long value and those behind the last long value are surely of the top level. When
//! a name that matters shows up between them, its depth is in doubt, and [`super::skim`] decides.

use std::ops::Range;

use memchr::memrchr;

use crate::json::{BLOCK, FlawKind, Members, Scanner, decode, key_ends};

use super::collect::Collector;
use super::name::{MAX_SPELLED, Name};
use super::{LensError, name};

/// Values longer than this, in bytes, are not read but searched.
const LONG_VALUE: usize = 1024;
/// A flaw this close to where reading stopped, in bytes, may only be the stop: no token but a string is longer in part.
const EDGE: usize = 16;
/// How far, in bytes, the end of the body is read backwards.
const MAX_TAIL: usize = 4 * 1024;
/// How many members the end may have.
const MAX_TAIL_MEMBERS: usize = 64;

/// Reads a large body; `false` means that this way cannot tell.
pub(crate) fn leap(collector: &mut Collector<'_>) -> Result<bool, LensError> {
    let Some(front) = front(collector)? else { return Ok(false) };
    let Some(tail) = tail(collector, front) else { return Ok(false) };
    if holds_name(collector, front..tail.start) {
        return Ok(false);
    }
    for (name, range) in tail.members.into_iter().rev() {
        collector.member(name, range)?;
    }
    Ok(true)
}

/// Reads members up to the first long value, and says where that begins.
fn front(collector: &mut Collector<'_>) -> Result<Option<usize>, LensError> {
    let body = collector.body();
    let mut scan = Scanner::strict(body);
    scan.space();
    let Ok(mut members) = Members::new(scan) else { return Ok(None) };
    while let Some(key) = members.next_key()? {
        let start = members.cursor().offset();
        let limit = body.len().min(start + LONG_VALUE);
        let mut ahead = Scanner::strict(body.get(..limit).unwrap_or_default()).at(start);
        let value = match ahead.value() {
            // A number at the very edge may go on behind it.
            Ok(value) if value.end < limit => value,
            Err(flaw) if flaw.at + EDGE < limit || flaw.kind != FlawKind::Syntax => return Err(flaw.into()),
            _ => return Ok(find(collector, key).is_none().then_some(start)),
        };
        *members.cursor() = Scanner::strict(body).at(value.end);
        if let Some(name) = find(collector, key) {
            collector.member(name, value)?;
        }
    }
    // No long value at all: many small ones.
    Ok(None)
}

/// What was read backwards.
struct Tail {
    /// The members that matter, last first.
    members: Vec<(Name, Range<usize>)>,
    /// Everything from here on was read.
    start: usize,
}

/// Reads members backwards from the end of the body, down to a long value or to `floor`.
fn tail(collector: &Collector<'_>, floor: usize) -> Option<Tail> {
    let body = collector.body();
    let back = Back { body, floor: floor.max(body.len().saturating_sub(MAX_TAIL)) };
    let end = back.space(body.len());
    let mut end = back.space(back.byte(end, b'}')?);
    let mut members = Vec::new();
    for _ in 0..MAX_TAIL_MEMBERS {
        let Some(start) = back.value(end) else { break };
        if start <= floor {
            return (start == floor).then_some(Tail { members, start });
        }
        let key_end = back.space(back.byte(back.space(start), b':')?);
        let Some(key_start) = back.string(key_end) else { break };
        if let Some(name) = find(collector, key_start..key_end) {
            members.push((name, start..end));
        }
        end = back.space(back.byte(back.space(key_start), b',')?);
    }
    Some(Tail { members, start: end })
}

/// Whether a key that matters, of any depth, stands in this part of the body.
fn holds_name(collector: &Collector<'_>, part: Range<usize>) -> bool {
    let body = collector.body();
    let Range { start, end } = part;
    let mut at = start;
    // Whole blocks first, each with the two bytes before it: most hold no key at all.
    while at + BLOCK <= end && at >= 2 {
        let block = |from: usize| body.get(from..).and_then(<[u8]>::first_chunk::<BLOCK>);
        let (Some(two), Some(one), Some(this)) = (block(at - 2), block(at - 1), block(at)) else { return true };
        if let Some(hits) = key_ends(two, one, this) {
            let hits = hits.iter().zip(at..).filter(|(hit, _)| **hit != 0);
            if hits.into_iter().any(|(_, colon)| key_matters(collector, colon)) {
                return true;
            }
        }
        at += BLOCK;
    }
    let rest = body.get(at..end).unwrap_or_default();
    rest.iter().zip(at..).any(|(byte, colon)| *byte == b':' && key_matters(collector, colon))
}

/// Whether a key that matters stands before this colon.
#[inline]
fn key_matters(collector: &Collector<'_>, colon: usize) -> bool {
    let before = collector.body().get(..colon).unwrap_or_default();
    let before = if before.last() == Some(&b'"') { before } else { before.trim_ascii_end() };
    let Some(inside) = before.strip_suffix(b"\"").filter(|inside| !escaped(inside)) else { return false };
    // A key that is longer than any spelling of any name does not matter.
    let mut window = inside.iter().rev().take(MAX_SPELLED + 1);
    let Some(length) = window.position(|byte| *byte == b'"') else { return false };
    let (front, inner) = inside.split_at(inside.len() - length);
    // A key with a quote in it is none of ours.
    !escaped(front.strip_suffix(b"\"").unwrap_or(front)) && is_name(collector, inner).is_some()
}

/// What the key is whose quotes stand at both ends of this range, when it matters.
pub(crate) fn find(collector: &Collector<'_>, key: Range<usize>) -> Option<Name> {
    is_name(collector, collector.body().get(key.start + 1..key.end - 1)?)
}

#[inline]
fn is_name(collector: &Collector<'_>, inner: &[u8]) -> Option<Name> {
    if inner.contains(&b'\\') {
        return name::find(collector.dialect, collector.operation, decode(inner)?.as_bytes());
    }
    name::find(collector.dialect, collector.operation, inner)
}

/// Whether a quote behind this text is escaped.
#[inline]
fn escaped(before: &[u8]) -> bool {
    before.iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1
}

/// Steps backwards through valid JSON, never below a floor.
struct Back<'a> {
    body: &'a [u8],
    floor: usize,
}

impl Back<'_> {
    fn before(&self, end: usize) -> &[u8] {
        self.body.get(self.floor..end).unwrap_or_default()
    }

    fn space(&self, end: usize) -> usize {
        self.floor + self.before(end).trim_ascii_end().len()
    }

    fn byte(&self, end: usize, byte: u8) -> Option<usize> {
        (self.before(end).last() == Some(&byte)).then_some(end - 1)
    }

    /// Where the value that ends here begins.
    fn value(&self, end: usize) -> Option<usize> {
        match self.before(end).last()? {
            b'"' => self.string(end),
            b'}' | b']' => self.nested(end),
            _ => {
                let scalar = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
                let length = self.before(end).iter().rev().take_while(|byte| scalar(byte)).count();
                (length > 0).then_some(end - length)
            }
        }
    }

    /// Where the string that ends here begins.
    fn string(&self, end: usize) -> Option<usize> {
        let mut inner = self.before(self.byte(end, b'"')?);
        loop {
            let quote = memrchr(b'"', inner)?;
            inner = inner.get(..quote)?;
            // The floor may hide backslashes; then nothing is certain.
            if inner.is_empty() {
                return (self.floor == 0 || self.body.get(self.floor - 1) != Some(&b'\\')).then_some(self.floor);
            }
            if !escaped(inner) {
                return (inner.iter().any(|byte| *byte != b'\\') || self.floor == 0).then_some(self.floor + quote);
            }
        }
    }

    /// Where the object or array that ends here begins.
    fn nested(&self, end: usize) -> Option<usize> {
        let mut at = end;
        let mut depth = 0_usize;
        loop {
            match self.before(at).last()? {
                b'"' => {
                    at = self.string(at)?;
                    continue;
                }
                b'}' | b']' => depth += 1,
                b'{' | b'[' if depth == 1 => return Some(at - 1),
                b'{' | b'[' => depth -= 1,
                _ => {}
            }
            at -= 1;
        }
    }
}
