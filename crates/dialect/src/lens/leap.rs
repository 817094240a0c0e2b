//! The fast way through a large body: read members from both ends inwards, search the rest.
//!
//! What is not valid JSON may be misread here ([`super::search`] says why); the provider then refuses it.
//!
//! The members in front of the first long value and those behind the last long value are surely of the top level. When
//! a name that matters shows up between them, its depth is in doubt, and [`super::skim`] decides. The conversation is
//! mostly that first long value: of it only the beginning is read, unless something in it refers to account-bound state.

use std::ops::Range;

use memchr::memrchr;

use crate::json::{FlawKind, Members, Scanner, Skip};

use super::LensError;
use super::collect::Collector;
use super::name::Name;
use super::search::{Found, escaped, named, search};

/// Values longer than this, in bytes, are not read but searched.
const LONG_VALUE: usize = 1024;
/// A flaw this close to where reading stopped, in bytes, may only be the stop: no token but a string is longer in part.
const EDGE: usize = 16;
/// How far, in bytes, the end of the body is read backwards.
const MAX_TAIL: usize = 4 * 1024;
/// How many members the end may have.
const MAX_TAIL_MEMBERS: usize = 64;

/// How far this way led.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leapt {
    /// To the end.
    Read,
    /// Nowhere; but this is what a search of the body found.
    Unclear(Found),
}

/// Reads a large body.
pub(crate) fn leap(collector: &mut Collector<'_>) -> Result<Leapt, LensError> {
    let all = 0..collector.body().len();
    let Some(front) = front(collector)? else { return Ok(Leapt::Unclear(search(collector, all))) };
    let Some(tail) = tail(collector, front) else { return Ok(Leapt::Unclear(search(collector, all))) };
    let mut found = search(collector, front..tail.start);
    // Whether the tools begin in this part is not known.
    let in_doubt = found.name || found.anywhere;
    for part in [0..front, tail.start..all.end] {
        found.add(search(collector, part));
    }
    if in_doubt {
        return Ok(Leapt::Unclear(found));
    }
    for (name, range) in tail.members.into_iter().rev() {
        collector.member(name, range)?;
    }
    collector.note(found);
    Ok(Leapt::Read)
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
            _ => match find(collector, key.clone()) {
                None => return Ok(Some(start)),
                Some(Name::Conversation) => {
                    collector.begin(start)?;
                    return Ok(Some(start));
                }
                Some(Name::System) => match Skip::new(body, start).value()? {
                    Some(value) => value,
                    None => return Ok(None),
                },
                Some(_) => return Ok(None),
            },
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

fn find(collector: &Collector<'_>, key: Range<usize>) -> Option<Name> {
    named(collector, collector.body().get(key.start + 1..key.end - 1)?)
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
