//! Steps over JSON that is not checked: strings and brackets are followed, so depth is exact, but nothing else is looked
//! at. What is no JSON may be misread.

use std::ops::Range;

use memchr::memchr;

use super::is_space;
use super::plain::{flat_run, string_rest};
use super::scan::{Flaw, FlawKind, MAX_DEPTH};

/// Strings longer than this, in bytes, are searched for their end instead of being read; it costs a little to begin.
const SHORT_STRING: usize = 128;

/// A cursor.
#[derive(Debug, Clone)]
pub(crate) struct Skip<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Skip<'a> {
    /// From this offset on.
    pub(crate) const fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at }
    }

    /// The text between two offsets.
    pub(crate) fn slice(&self, range: Range<usize>) -> &'a [u8] {
        self.bytes.get(range).unwrap_or_default()
    }

    #[inline]
    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// Passes white space, and gives where it ends.
    #[inline]
    pub(crate) fn space(&mut self) -> usize {
        while self.bytes.get(self.at).copied().is_some_and(is_space) {
            self.at += 1;
        }
        self.at
    }

    /// The next byte that is no white space, without taking it.
    #[inline]
    pub(crate) fn peek(&mut self) -> Option<u8> {
        self.space();
        self.bytes.get(self.at).copied()
    }

    /// Takes this byte, if it comes next.
    #[inline]
    pub(crate) fn take(&mut self, byte: u8) -> bool {
        let here = self.peek() == Some(byte);
        self.at += usize::from(here);
        here
    }

    /// Passes one byte.
    #[inline]
    pub(crate) const fn bump(&mut self) {
        self.at += 1;
    }

    /// Takes these bytes, if they come next just so.
    #[inline]
    pub(crate) fn literal(&mut self, bytes: &[u8]) -> Option<()> {
        let here = self.rest().starts_with(bytes);
        self.at += if here { bytes.len() } else { 0 };
        here.then_some(())
    }

    /// Whether nothing is left.
    pub(crate) fn is_over(&mut self) -> bool {
        self.peek().is_none()
    }

    /// Takes a string, and gives its text between the quotes, as written.
    #[inline]
    pub(crate) fn string(&mut self) -> Option<&'a [u8]> {
        if !self.take(b'"') {
            return None;
        }
        let rest = self.rest();
        let end = string_end(rest)?;
        self.at += end + 1;
        rest.get(..end)
    }

    /// Takes any value, and gives where it stands; nothing when there is none.
    #[inline]
    pub(crate) fn value(&mut self) -> Result<Option<Range<usize>>, Flaw> {
        let start = self.space();
        let whole = match self.rest().first() {
            Some(b'"') => self.string().is_some(),
            Some(b'{' | b'[') => self.nested()?,
            _ => {
                let scalar = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
                self.at += self.rest().iter().take_while(scalar).count();
                self.at > start
            }
        };
        Ok(whole.then_some(start..self.at))
    }

    /// The text of the value that comes next, and passes it; nothing when there is none, or one nested too deeply.
    #[inline]
    pub(crate) fn raw(&mut self) -> Option<&'a [u8]> {
        let range = self.value().ok()??;
        Some(self.slice(range))
    }

    /// Passes the value that comes next; nothing when there is none.
    #[inline]
    pub(crate) fn pass(&mut self) -> Option<()> {
        self.raw().map(|_| ())
    }

    /// Takes an object or array; `false` when it does not end.
    fn nested(&mut self) -> Result<bool, Flaw> {
        let mut depth = 0;
        loop {
            self.at += flat_run(self.rest());
            match self.rest().first() {
                None => return Ok(false),
                Some(b'"') => {
                    if self.string().is_none() {
                        return Ok(false);
                    }
                    continue;
                }
                Some(b'{' | b'[') => depth += 1,
                Some(_) => depth -= 1,
            }
            if depth > MAX_DEPTH {
                return Err(Flaw { at: self.at, kind: FlawKind::Depth });
            }
            self.at += 1;
            if depth == 0 {
                return Ok(true);
            }
        }
    }

    /// Calls with the key of every member of the object that comes next; the visitor takes the value. Nothing when it is
    /// no object, does not end, or the visitor gives up.
    #[inline]
    pub(crate) fn members(&mut self, mut visit: impl FnMut(&mut Self, &'a [u8]) -> Option<()>) -> Option<()> {
        if !self.take(b'{') {
            return None;
        }
        if self.take(b'}') {
            return Some(());
        }
        loop {
            let key = self.string()?;
            if !self.take(b':') {
                return None;
            }
            visit(self, key)?;
            if self.take(b'}') {
                return Some(());
            }
            if !self.take(b',') {
                return None;
            }
        }
    }

    /// Calls before every element of the array that comes next; the visitor takes it. Nothing when it is no array, does
    /// not end, or the visitor gives up.
    #[inline]
    pub(crate) fn elements(&mut self, mut visit: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        if !self.take(b'[') {
            return None;
        }
        if self.take(b']') {
            return Some(());
        }
        loop {
            visit(self)?;
            if self.take(b']') {
                return Some(());
            }
            if !self.take(b',') {
                return None;
            }
        }
    }
}

/// How long the text is that goes on here, up to its closing quote.
#[inline]
fn string_end(bytes: &[u8]) -> Option<usize> {
    let short = bytes.get(..SHORT_STRING).unwrap_or(bytes);
    if let Some(len) = string_rest(short) {
        return Some(len - 1);
    }
    let mut at = short.len();
    loop {
        let quote = at + memchr(b'"', bytes.get(at..)?)?;
        let before = bytes.get(..quote)?;
        if before.iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 0 {
            return Some(quote);
        }
        at = quote + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::{SHORT_STRING, string_end};

    #[test]
    fn long_strings_end_where_short_ones_do() {
        let alphabet = b"a\"\\";
        for number in 0..3_usize.pow(7) {
            let text: Vec<u8> = (0..7).filter_map(|at| alphabet.get(number / 3_usize.pow(at) % 3).copied()).collect();
            let mut escaped = false;
            let end = text.iter().position(|byte| {
                let ends = *byte == b'"' && !escaped;
                escaped = *byte == b'\\' && !escaped;
                ends
            });
            for front in [0, SHORT_STRING - 4, SHORT_STRING - 1, SHORT_STRING, 3 * SHORT_STRING] {
                let padded = [&b"x".repeat(front), text.as_slice()].concat();
                assert_eq!(string_end(&padded), end.map(|end| end + front), "{}", String::from_utf8_lossy(&padded));
            }
        }
    }
}
