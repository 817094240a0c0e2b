//! The validating cursor.

use std::ops::Range;

use super::is_space;
use super::plain::text_run;

/// Values nested deeper than this are refused. Real requests stay below ten.
pub(crate) const MAX_DEPTH: u32 = 64;
/// The longest number, in bytes: twice what an IEEE double needs.
const MAX_NUMBER: usize = 64;
/// The greatest exponent, either way, that an IEEE double can carry.
const MAX_EXPONENT: u32 = 308;

/// What is wrong, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Flaw {
    /// Offset in bytes.
    pub(crate) at: usize,
    pub(crate) kind: FlawKind,
}

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FlawKind {
    /// Not JSON.
    Syntax,
    /// JSON, but nested deeper than [`MAX_DEPTH`].
    Depth,
    /// JSON, but a number no program can hold.
    Number,
}

/// One bit for a key, by its first byte and its length: keys with different bits are different. The key is taken as
/// written, without quotes.
#[inline]
pub(crate) const fn mark(first: u8, length: usize) -> u64 {
    1 << ((first as usize ^ length) & 63)
}

/// The bits of these keys.
pub(crate) const fn marks(mut keys: &[&[u8]]) -> u64 {
    let mut marks = 0;
    while let [key, rest @ ..] = keys {
        if let Some(first) = key.first() {
            marks |= mark(*first, key.len());
        }
        keys = rest;
    }
    marks
}

/// A cursor over JSON text.
#[derive(Debug, Clone)]
pub(crate) struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    strict: bool,
    keys: u64,
}

impl<'a> Scanner<'a> {
    /// For requests: half surrogates are errors, as they are to the providers.
    pub(crate) const fn strict(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, strict: true, keys: 0 }
    }

    /// For answers: half surrogates pass, because streams cut text anywhere.
    pub(crate) const fn lenient(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, strict: false, keys: 0 }
    }

    /// Continues at this offset.
    pub(crate) const fn at(mut self, at: usize) -> Self {
        self.at = at;
        self
    }

    /// The offset of the next byte.
    pub(crate) const fn offset(&self) -> usize {
        self.at
    }

    /// The marks of all keys taken so far, of any depth.
    pub(crate) const fn keys(&self) -> u64 {
        self.keys
    }

    /// The text between two offsets.
    pub(crate) fn slice(&self, range: Range<usize>) -> &'a [u8] {
        self.bytes.get(range).unwrap_or_default()
    }

    /// The next byte, without taking it.
    #[inline]
    pub(crate) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// Passes white space.
    #[inline]
    pub(crate) fn space(&mut self) {
        while self.peek().is_some_and(is_space) {
            self.at += 1;
        }
    }

    /// Takes the next byte if it is this one.
    #[inline]
    pub(crate) fn take(&mut self, byte: u8) -> bool {
        let here = self.peek() == Some(byte);
        self.at += usize::from(here);
        here
    }

    /// Takes the next byte, which has to be this one.
    #[inline]
    pub(crate) fn expect(&mut self, byte: u8) -> Result<(), Flaw> {
        if self.take(byte) { Ok(()) } else { Err(self.syntax()) }
    }

    /// Takes a string; the range includes its quotes.
    #[inline]
    pub(crate) fn string(&mut self) -> Result<Range<usize>, Flaw> {
        let start = self.at;
        self.expect(b'"')?;
        loop {
            self.at += text_run(self.bytes.get(self.at..).unwrap_or_default());
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(start..self.at);
                }
                Some(b'\\') => self.escape()?,
                _ => return Err(self.syntax()),
            }
        }
    }

    /// Takes any value, however nested; the range is exactly its text.
    #[inline]
    pub(crate) fn value(&mut self) -> Result<Range<usize>, Flaw> {
        let start = self.at;
        match self.peek() {
            Some(b'"') => return self.string(),
            Some(b'{' | b'[') => self.nested()?,
            _ => self.scalar()?,
        }
        Ok(start..self.at)
    }

    /// Takes an object or array. One bit per level remembers which of the two it is.
    fn nested(&mut self) -> Result<(), Flaw> {
        let mut objects: u64 = 0;
        let mut depth: u32 = 0;
        loop {
            let opener = self.peek();
            if let Some(open @ (b'{' | b'[')) = opener {
                if depth == MAX_DEPTH {
                    return Err(Flaw { at: self.at, kind: FlawKind::Depth });
                }
                self.at += 1;
                depth += 1;
                objects = (objects << 1) | u64::from(open == b'{');
                self.space();
                let empty = if open == b'{' { self.take(b'}') } else { self.take(b']') };
                if !empty {
                    if open == b'{' {
                        self.key()?;
                    }
                    continue;
                }
                depth -= 1;
                objects >>= 1;
            } else if opener == Some(b'"') {
                self.string()?;
            } else {
                self.scalar()?;
            }
            if !self.close(&mut depth, &mut objects)? {
                return Ok(());
            }
        }
    }

    /// After a value: passes closing brackets, up to the next value (`true`) or the end of the outermost (`false`).
    #[inline]
    fn close(&mut self, depth: &mut u32, objects: &mut u64) -> Result<bool, Flaw> {
        while *depth > 0 {
            self.space();
            let in_object = *objects & 1 == 1;
            match self.peek() {
                Some(b',') => {
                    self.at += 1;
                    self.space();
                    if in_object {
                        self.key()?;
                    }
                    return Ok(true);
                }
                Some(b'}') if in_object => {}
                Some(b']') if !in_object => {}
                _ => return Err(self.syntax()),
            }
            self.at += 1;
            *depth -= 1;
            *objects >>= 1;
        }
        Ok(false)
    }

    /// Takes a key with its colon, up to the first byte of its value.
    #[inline]
    pub(crate) fn key(&mut self) -> Result<Range<usize>, Flaw> {
        let key = self.string()?;
        self.keys |= mark(self.bytes.get(key.start + 1).copied().unwrap_or_default(), key.len() - 2);
        self.space();
        self.expect(b':')?;
        self.space();
        Ok(key)
    }

    fn escape(&mut self) -> Result<(), Flaw> {
        match self.bytes.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 2,
            Some(b'u') => {
                let unit = self.unit(self.at)?;
                let high = (0xD800..0xDC00).contains(&unit);
                let low = (0xDC00..0xE000).contains(&unit);
                if self.strict && low {
                    return Err(self.syntax());
                }
                if self.strict && high {
                    let pair = self.bytes.get(self.at + 6..self.at + 8) == Some(b"\\u");
                    if !pair || !(0xDC00..0xE000).contains(&self.unit(self.at + 6)?) {
                        return Err(self.syntax());
                    }
                    self.at += 6;
                }
                self.at += 6;
            }
            _ => return Err(self.syntax()),
        }
        Ok(())
    }

    /// The UTF-16 unit of the `\uXXXX` at this offset.
    fn unit(&self, at: usize) -> Result<u32, Flaw> {
        let flaw = Flaw { at, kind: FlawKind::Syntax };
        let digits = self.bytes.get(at + 2..at + 6).ok_or(flaw)?;
        digits.iter().try_fold(0, |unit, digit| Some(unit * 16 + char::from(*digit).to_digit(16)?)).ok_or(flaw)
    }

    #[inline]
    fn scalar(&mut self) -> Result<(), Flaw> {
        let word: &[u8] = match self.peek() {
            Some(b't') => b"true",
            Some(b'f') => b"false",
            Some(b'n') => b"null",
            Some(first @ b'0'..=b'9') => {
                // Most numbers are short whole ones.
                let rest = self.bytes.get(self.at..).unwrap_or_default();
                let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
                let whole = !matches!(rest.get(digits), Some(b'.' | b'e' | b'E'));
                if whole && digits <= MAX_NUMBER && (first != b'0' || digits == 1) {
                    self.at += digits;
                    return Ok(());
                }
                return self.number();
            }
            Some(b'-') => return self.number(),
            _ => return Err(self.syntax()),
        };
        if !self.bytes.get(self.at..).unwrap_or_default().starts_with(word) {
            return Err(self.syntax());
        }
        self.at += word.len();
        Ok(())
    }

    fn number(&mut self) -> Result<(), Flaw> {
        let start = self.at;
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if !self.take(b'-') {
                self.take(b'+');
            }
            let from = self.at;
            self.digits()?;
            let exponent = std::str::from_utf8(self.slice(from..self.at)).unwrap_or_default();
            if exponent.parse::<u32>().map_or(true, |exponent| exponent > MAX_EXPONENT) {
                return Err(Flaw { at: start, kind: FlawKind::Number });
            }
        }
        if self.at - start > MAX_NUMBER {
            return Err(Flaw { at: start, kind: FlawKind::Number });
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Flaw> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start { Err(self.syntax()) } else { Ok(()) }
    }

    /// This byte should not be here.
    pub(crate) const fn syntax(&self) -> Flaw {
        Flaw { at: self.at, kind: FlawKind::Syntax }
    }
}
