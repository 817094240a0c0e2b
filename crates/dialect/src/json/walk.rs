//! Lazy walks over one object or array, value by value.

use std::ops::Range;

use super::scan::{Flaw, Scanner};

/// One member of an object. Offsets count from the start of the walked text.
#[derive(Debug, Clone)]
pub(crate) struct Member<'a> {
    /// The key's text between its quotes, as written.
    pub(crate) key: &'a [u8],
    /// The value, as written.
    pub(crate) value: &'a [u8],
    /// Where the key's opening quote stands.
    pub(crate) from: usize,
    /// Where the value stands.
    pub(crate) range: Range<usize>,
}

/// The members of one object.
#[derive(Debug)]
pub(crate) struct Members<'a> {
    scan: Scanner<'a>,
    place: Place,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    First,
    Later,
    Over,
}

impl<'a> Members<'a> {
    /// Of the object that the text of this scanner begins with, or a flaw when it is none.
    pub(crate) fn new(mut scan: Scanner<'a>) -> Result<Self, Flaw> {
        scan.space();
        scan.expect(b'{')?;
        Ok(Self { scan, place: Place::First })
    }

    /// Of an object in an answer; nothing when the text is no object.
    pub(crate) fn of(text: &'a [u8]) -> Option<Self> {
        Self::new(Scanner::lenient(text)).ok()
    }

    /// The next member; nothing at the closing bracket.
    #[inline]
    pub(crate) fn next(&mut self) -> Result<Option<Member<'a>>, Flaw> {
        let Some(key) = self.next_key()? else { return Ok(None) };
        let range = self.scan.value()?;
        Ok(Some(Member {
            key: self.scan.slice(key.start + 1..key.end - 1),
            value: self.scan.slice(range.clone()),
            from: key.start,
            range,
        }))
    }

    /// The next key, with the cursor before its value, which the caller takes.
    #[inline]
    pub(crate) fn next_key(&mut self) -> Result<Option<Range<usize>>, Flaw> {
        if self.place == Place::Over {
            return Ok(None);
        }
        self.scan.space();
        if self.scan.take(b'}') {
            self.place = Place::Over;
            return Ok(None);
        }
        if self.place == Place::Later {
            self.scan.expect(b',')?;
            self.scan.space();
        }
        self.place = Place::Later;
        self.scan.key().map(Some)
    }

    /// The cursor: before a value after [`Self::next_key`], behind the object after the last member.
    pub(crate) const fn cursor(&mut self) -> &mut Scanner<'a> {
        &mut self.scan
    }
}

/// Calls with every member of an object in an answer; says whether it was a whole object and nothing else.
pub(crate) fn each<'a>(text: &'a [u8], mut visit: impl FnMut(Member<'a>)) -> bool {
    let Some(mut members) = Members::of(text) else { return false };
    loop {
        match members.next() {
            Ok(Some(member)) => visit(member),
            Ok(None) => {
                members.scan.space();
                return members.scan.peek().is_none();
            }
            Err(_) => return false,
        }
    }
}

/// Where a part of a text stands in it; nothing when it is no part of it.
pub(crate) fn place(whole: &[u8], part: &[u8]) -> Option<Range<usize>> {
    let start = (part.as_ptr() as usize).checked_sub(whole.as_ptr() as usize)?;
    let end = start.checked_add(part.len())?;
    (end <= whole.len()).then_some(start..end)
}

/// The elements of one array; ends early at the first flaw.
#[derive(Debug)]
pub(crate) struct Elements<'a> {
    scan: Scanner<'a>,
    place: Place,
}

impl<'a> Elements<'a> {
    /// Of the array that this text begins with; no elements when it is none.
    pub(crate) fn of(text: &'a [u8]) -> Self {
        let mut scan = Scanner::lenient(text);
        scan.space();
        let place = if scan.take(b'[') { Place::First } else { Place::Over };
        Self { scan, place }
    }
}

impl Iterator for Elements<'_> {
    /// Where the element stands, from the start of the walked text.
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        if self.place == Place::Over {
            return None;
        }
        self.scan.space();
        let over = self.scan.take(b']') || (self.place == Place::Later && !self.scan.take(b','));
        self.scan.space();
        let element = if over { None } else { self.scan.value().ok() };
        self.place = if element.is_some() { Place::Later } else { Place::Over };
        element
    }
}
