//! A document that arrives in pieces: keeps the few members of its top level that matter, in bounded memory.
//!
//! The top level is the outermost object, or, when the document is an array, each object in it (Gemini streams that
//! way). Members of one named inner object count as well (`response`, `message`).

use memchr::memchr2;

use super::is_space;
use super::plain::flat_run;

/// The longest member that is kept, in bytes; longer ones count as missing.
const MAX_CAPTURE: usize = 16 * 1024;
/// The longest key that can be one of ours, in bytes.
const MAX_KEY: usize = 16;
/// Strings at least this deep are content: `choices[].message.content`.
const CONTENT_DEPTH: u32 = 3;

/// A member that is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slot {
    Usage,
    ToolUsage,
    ServiceTier,
    Model,
    Error,
    Type,
}

const SLOTS: usize = 6;

/// What the next byte outside a string means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Nothing has come yet.
    Start,
    /// Where nothing is watched: in a value, or deeper.
    Inside,
    /// In a watched object, before a key.
    Key,
    /// In a watched object, behind a key.
    Colon,
    /// In a watched object, before or in a value.
    Value,
    /// Behind the document.
    End,
}

/// The scanner. Gives the same result however the document is cut.
#[derive(Debug)]
pub(crate) struct Flow {
    place: Place,
    depth: u32,
    /// The depth of the object whose members are watched.
    watched: u32,
    /// The depth of the objects of the top level: 1, or 2 in an array.
    top: u32,
    container: &'static [u8],
    in_string: bool,
    escaped: bool,
    key: Vec<u8>,
    /// The member whose value is going by.
    current: Current,
    capture: Vec<u8>,
    kept: [Option<Vec<u8>>; SLOTS],
    broken: bool,
    text: u64,
    pieces: u64,
}

/// What to do with the value that follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Current {
    Skip,
    Keep(Slot),
    /// The value is longer than the limit.
    TooLong(Slot),
    /// The inner object whose members count too.
    Enter,
    /// `data`: count the objects in it.
    Pieces,
}

impl Flow {
    /// For a document whose members of this inner object count too; an empty name for none.
    pub(crate) const fn new(container: &'static [u8]) -> Self {
        Self {
            place: Place::Start,
            depth: 0,
            watched: 1,
            top: 1,
            container,
            in_string: false,
            escaped: false,
            key: Vec::new(),
            current: Current::Skip,
            capture: Vec::new(),
            kept: [const { None }; SLOTS],
            broken: false,
            text: 0,
            pieces: 0,
        }
    }

    /// A kept member, as written; the last one of that name.
    pub(crate) fn kept(&self, slot: Slot) -> Option<&[u8]> {
        self.kept.get(slot as usize).and_then(Option::as_deref)
    }

    /// Whether the document is whole.
    pub(crate) fn is_whole(&self) -> bool {
        self.place == Place::End && !self.broken
    }

    /// Whether this is no JSON object or array, or something follows it.
    pub(crate) const fn is_broken(&self) -> bool {
        self.broken
    }

    /// Bytes in strings so deep that they are content.
    pub(crate) const fn text(&self) -> u64 {
        self.text
    }

    /// Objects in the array `data`.
    pub(crate) const fn pieces(&self) -> u64 {
        self.pieces
    }

    /// The next piece.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        let mut at = 0;
        while at < bytes.len() && !self.broken {
            let from = at;
            // The colon in front of a value and the comma or bracket behind it are not part of it.
            let keeping = matches!(self.current, Current::Keep(_));
            at = if self.in_string { self.string(bytes, at) } else { self.between(bytes, at) };
            if keeping {
                self.keep(bytes.get(from..at).unwrap_or_default());
            }
        }
    }

    fn keep(&mut self, part: &[u8]) {
        let Current::Keep(slot) = self.current else { return };
        if self.capture.len() + part.len() > MAX_CAPTURE {
            self.current = Current::TooLong(slot);
            self.capture.clear();
            return;
        }
        self.capture.extend_from_slice(part);
    }

    /// Passes the part of a string that is here.
    fn string(&mut self, bytes: &[u8], start: usize) -> usize {
        let mut at = start + usize::from(std::mem::take(&mut self.escaped));
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            match memchr2(b'"', b'\\', rest) {
                None => {
                    at = bytes.len();
                    break;
                }
                Some(run) if rest.get(run) == Some(&b'"') => {
                    at += run + 1;
                    self.in_string = false;
                    break;
                }
                Some(run) => {
                    at += run + 2;
                    if at > bytes.len() {
                        at = bytes.len();
                        self.escaped = true;
                        break;
                    }
                }
            }
        }
        let part = bytes.get(start..at).unwrap_or_default();
        if self.place == Place::Key {
            // One byte more than the longest of ours: then it is none of them.
            let room = (MAX_KEY + 1).saturating_sub(self.key.len());
            self.key.extend(part.iter().take(room));
            if !self.in_string {
                self.place = Place::Colon;
            }
        } else if self.depth >= CONTENT_DEPTH {
            self.text += part.len() as u64 - u64::from(!self.in_string && !part.is_empty());
        }
        at
    }

    /// Takes one step outside strings.
    #[inline]
    fn between(&mut self, bytes: &[u8], mut at: usize) -> usize {
        if self.depth > self.watched || (self.depth == 1 && self.top == 2) {
            at += flat_run(bytes.get(at..).unwrap_or_default());
        }
        let Some(byte) = bytes.get(at).copied() else { return at };
        match byte {
            b'"' => self.open_string(),
            b'{' | b'[' => self.open(byte),
            b'}' | b']' => self.close(byte),
            b':' if self.place == Place::Colon => {
                self.place = Place::Value;
                self.current = self.meaning();
            }
            b',' if self.depth == self.watched && self.place == Place::Value => {
                self.finish();
                self.place = Place::Key;
            }
            _ => self.broken |= !is_space(byte) && matches!(self.place, Place::Start | Place::End | Place::Colon),
        }
        at + 1
    }

    fn open_string(&mut self) {
        self.broken |= matches!(self.place, Place::Start | Place::End | Place::Colon);
        self.in_string = true;
        if self.place == Place::Key {
            self.key.clear();
        }
    }

    fn open(&mut self, byte: u8) {
        match self.place {
            Place::Start => {
                self.place = if byte == b'{' { Place::Key } else { Place::Inside };
                (self.top, self.watched) = if byte == b'{' { (1, 1) } else { (2, 2) };
            }
            Place::Inside if byte == b'{' && self.depth + 1 == self.watched => self.place = Place::Key,
            Place::Value => {
                let enter = self.current == Current::Enter && byte == b'{';
                self.place = if enter { Place::Key } else { Place::Inside };
                self.watched += u32::from(enter);
            }
            Place::Inside => {
                let piece = self.current == Current::Pieces && byte == b'{' && self.depth == self.watched + 1;
                self.pieces += u64::from(piece);
            }
            Place::Key | Place::Colon | Place::End => self.broken = true,
        }
        self.depth += 1;
    }

    fn close(&mut self, byte: u8) {
        let Some(depth) = self.depth.checked_sub(1) else {
            self.broken = true;
            return;
        };
        if self.depth == self.watched && byte == b'}' {
            self.finish();
            // Back from the inner object to its parent, in whose value we are.
            self.watched = self.top;
        }
        self.depth = depth;
        self.place = if depth == 0 {
            Place::End
        } else if depth == self.watched {
            Place::Value
        } else {
            Place::Inside
        };
    }

    /// A watched value is over.
    fn finish(&mut self) {
        match self.current {
            Current::Keep(slot) => {
                let kept = self.capture.trim_ascii();
                if kept != b"null"
                    && let Some(place) = self.kept.get_mut(slot as usize)
                {
                    *place = Some(kept.to_vec());
                }
            }
            Current::Skip | Current::TooLong(_) | Current::Enter | Current::Pieces => {}
        }
        self.capture.clear();
        self.current = Current::Skip;
    }

    /// What the key just read means.
    fn meaning(&self) -> Current {
        let key = self.key.strip_suffix(b"\"").unwrap_or_default();
        let slot = match key {
            b"usage" | b"usageMetadata" => Slot::Usage,
            b"tool_usage" => Slot::ToolUsage,
            b"service_tier" | b"serviceTier" => Slot::ServiceTier,
            b"model" | b"modelVersion" => Slot::Model,
            b"error" => Slot::Error,
            b"type" => Slot::Type,
            b"data" => return Current::Pieces,
            _ if self.watched == self.top && key == self.container && !key.is_empty() => return Current::Enter,
            _ => return Current::Skip,
        };
        Current::Keep(slot)
    }
}
