//! A document that arrives in pieces: keeps the few members of its top level that matter, in bounded memory.
//!
//! The top level is the outermost object, or, when the document is an array, each object in it (Gemini streams that
//! way). Members of one named inner object count as well (`response`, `message`).

use super::is_space;
use super::plain::{flat_run, string_rest};
use super::scan::{mark, marks};

/// The longest member that is kept, in bytes; longer ones count as missing, but for errors, which are cut.
const MAX_CAPTURE: usize = 16 * 1024;
/// Room for a usage object, in bytes.
const TYPICAL_CAPTURE: usize = 256;
/// The longest key that can be one of ours, in bytes.
const MAX_KEY: usize = 16;
/// Strings at least this deep are content: `choices[].message.content`.
const CONTENT_DEPTH: u32 = 3;

/// The marks of all keys that mean something.
const KNOWN: u64 = marks(&[
    b"usage",
    b"usageMetadata",
    b"tool_usage",
    b"service_tier",
    b"serviceTier",
    b"model",
    b"modelVersion",
    b"error",
    b"type",
    b"data",
    b"choices",
    b"output",
    b"content",
    b"candidates",
    b"results",
    b"predictions",
    b"embedding",
    b"embeddings",
    b"text",
]);

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
    container_mark: u64,
    in_string: bool,
    escaped: bool,
    key: Vec<u8>,
    /// What the key just read means.
    next: Current,
    /// The member whose value is going by.
    current: Current,
    capture: Vec<u8>,
    kept: [Option<Vec<u8>>; SLOTS],
    broken: bool,
    text: u64,
    pieces: u64,
    answer: Answer,
}

/// What is known of the members that hold the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    /// None has come, or only empty ones.
    Unseen,
    /// One has just been opened: whether it is empty is not known.
    Opened,
    /// There is something in one.
    Seen,
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
    /// `data`: holds the answer, and the objects in it are counted.
    Pieces,
    /// Holds the answer.
    Answer,
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
            container_mark: marks(&[container]),
            in_string: false,
            escaped: false,
            key: Vec::new(),
            next: Current::Skip,
            current: Current::Skip,
            capture: Vec::new(),
            kept: [const { None }; SLOTS],
            broken: false,
            text: 0,
            pieces: 0,
            answer: Answer::Unseen,
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

    /// Whether something was seen in a member of the top level that holds the answer and not, say, an error.
    pub(crate) fn has_content(&self) -> bool {
        self.answer == Answer::Seen
    }

    /// The next piece.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        let mut at = 0;
        while at < bytes.len() && !self.broken {
            let from = at;
            // The colon in front of a value and the comma or bracket behind it are not part of it.
            let keeping = matches!(self.current, Current::Keep(_));
            at = if self.in_string {
                self.string(bytes, at)
            } else if self.depth > self.watched {
                if self.answer == Answer::Opened { self.inside(bytes, at) } else { self.skim(bytes, at) }
            } else {
                self.between(bytes, at)
            };
            if keeping {
                self.keep(bytes.get(from..at).unwrap_or_default());
            }
        }
    }

    /// Passes white space up to the first thing in a member that holds the answer, or to its end.
    fn inside(&mut self, bytes: &[u8], at: usize) -> usize {
        let space = bytes.get(at..).unwrap_or_default().iter().take_while(|byte| is_space(**byte)).count();
        if let Some(byte) = bytes.get(at + space) {
            self.answer = if matches!(byte, b']' | b'}') { Answer::Unseen } else { Answer::Seen };
        }
        at + space
    }

    fn keep(&mut self, part: &[u8]) {
        let Current::Keep(slot) = self.current else { return };
        let room = MAX_CAPTURE - self.capture.len();
        if part.len() > room {
            self.current = Current::TooLong(slot);
            // Of an error the beginning is enough.
            self.capture.extend_from_slice(part.get(..room).unwrap_or_default());
            return;
        }
        if self.capture.capacity() == 0 {
            self.capture.reserve(part.len().max(TYPICAL_CAPTURE));
        }
        self.capture.extend_from_slice(part);
    }

    /// Passes the part of a string that is here, when its beginning or its end is in another piece.
    fn string(&mut self, bytes: &[u8], start: usize) -> usize {
        // A lone escaped byte at the start: quotes and backslashes in it mean nothing.
        let skip = usize::from(std::mem::take(&mut self.escaped));
        let rest = bytes.get(start + skip..).unwrap_or_default();
        let end = if let Some(len) = string_rest(rest) {
            self.in_string = false;
            start + skip + len
        } else {
            let backslashes = rest.iter().rev().take_while(|byte| **byte == b'\\').count();
            self.escaped = backslashes % 2 == 1;
            bytes.len()
        };
        let part = bytes.get(start..end).unwrap_or_default();
        if self.place == Place::Key {
            // One byte more than the longest of ours: then it is none of them.
            let room = (MAX_KEY + 1).saturating_sub(self.key.len());
            self.key.extend(part.iter().take(room));
            if !self.in_string {
                self.next = self.meaning(self.key.strip_suffix(b"\"").unwrap_or_default());
                self.place = Place::Colon;
            }
        } else if self.depth >= CONTENT_DEPTH {
            self.text += part.len() as u64 - u64::from(!self.in_string);
        } else if self.current == Current::Answer && part.len() > usize::from(!self.in_string) {
            self.answer = Answer::Seen;
        }
        end
    }

    /// Passes what is nested in a watched member.
    fn skim(&mut self, bytes: &[u8], start: usize) -> usize {
        let (mut at, mut depth) = (start, self.depth);
        while let Some(byte) = bytes.get(at) {
            at += 1;
            match byte {
                b'"' => {
                    let Some(len) = string_rest(bytes.get(at..).unwrap_or_default()) else {
                        self.in_string = true;
                        break;
                    };
                    at += len;
                    self.text += if depth >= CONTENT_DEPTH { len as u64 - 1 } else { 0 };
                }
                b'{' | b'[' => {
                    let piece = self.current == Current::Pieces && *byte == b'{' && depth == self.watched + 1;
                    self.pieces += u64::from(piece);
                    depth += 1;
                }
                b'}' | b']' => {
                    depth -= 1;
                    if depth == self.watched {
                        self.place = Place::Value;
                        break;
                    }
                }
                b':' | b',' => {}
                _ => at += flat_run(bytes.get(at..).unwrap_or_default()),
            }
        }
        self.depth = depth;
        at
    }

    /// Takes one step in a watched object or around it.
    #[inline]
    fn between(&mut self, bytes: &[u8], at: usize) -> usize {
        let Some(byte) = bytes.get(at).copied() else { return at };
        match byte {
            b'"' => return self.open_string(bytes, at + 1),
            b'{' | b'[' => self.open(byte),
            b'}' | b']' => self.close(byte),
            b':' if self.place == Place::Colon => {
                self.place = Place::Value;
                self.current = self.next;
            }
            b',' if self.place == Place::Value => {
                self.finish();
                self.place = Place::Key;
            }
            _ if self.place == Place::Value => {
                // A number, a word, white space.
                let rest = bytes.get(at + 1..).unwrap_or_default();
                let goes_on = |byte: &&u8| !matches!(byte, b',' | b'"' | b'{' | b'}' | b'[' | b']');
                return self.comma(bytes, at + 1 + rest.iter().take_while(goes_on).count());
            }
            _ => self.broken |= !is_space(byte) && matches!(self.place, Place::Start | Place::End | Place::Colon),
        }
        at + 1
    }

    /// Passes a string whose quote has just been passed, as far as it is here.
    fn open_string(&mut self, bytes: &[u8], start: usize) -> usize {
        self.broken |= matches!(self.place, Place::Start | Place::End | Place::Colon);
        let rest = bytes.get(start..).unwrap_or_default();
        let Some(len) = string_rest(rest) else {
            self.key.clear();
            self.in_string = true;
            return start;
        };
        if self.place != Place::Key {
            if self.current == Current::Answer && len > 1 {
                self.answer = Answer::Seen;
            }
            return self.comma(bytes, start + len);
        }
        let meaning = self.meaning(rest.get(..len - 1).unwrap_or_default());
        if rest.get(len) == Some(&b':') {
            self.place = Place::Value;
            self.current = meaning;
            return start + len + 1;
        }
        self.next = meaning;
        self.place = Place::Colon;
        start + len
    }

    /// Behind a value that is not kept: passes the comma, when it is the next byte.
    #[inline]
    fn comma(&mut self, bytes: &[u8], at: usize) -> usize {
        let here = self.place == Place::Value && !matches!(self.current, Current::Keep(_));
        if !here || bytes.get(at) != Some(&b',') {
            return at;
        }
        self.finish();
        self.place = Place::Key;
        at + 1
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
                if self.answer == Answer::Unseen && matches!(self.current, Current::Answer | Current::Pieces) {
                    self.answer = Answer::Opened;
                }
            }
            // An array in an array of documents.
            Place::Inside => {}
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
            Current::Keep(slot) | Current::TooLong(slot @ Slot::Error) => {
                let mut kept = std::mem::take(&mut self.capture);
                kept.truncate(kept.trim_ascii_end().len());
                kept.drain(..kept.len() - kept.trim_ascii_start().len());
                if kept != b"null"
                    && let Some(place) = self.kept.get_mut(slot as usize)
                {
                    *place = Some(kept);
                }
            }
            Current::Skip | Current::TooLong(_) | Current::Enter | Current::Pieces | Current::Answer => {}
        }
        self.capture.clear();
        self.current = Current::Skip;
    }

    /// What the key just read means.
    fn meaning(&self, key: &[u8]) -> Current {
        // Most keys are none of ours, and this says so at once.
        if mark(key.first().copied().unwrap_or_default(), key.len()) & (KNOWN | self.container_mark) == 0 {
            return Current::Skip;
        }
        let slot = match key {
            b"usage" | b"usageMetadata" => Slot::Usage,
            b"tool_usage" => Slot::ToolUsage,
            b"service_tier" | b"serviceTier" => Slot::ServiceTier,
            b"model" | b"modelVersion" => Slot::Model,
            b"error" => Slot::Error,
            b"type" => Slot::Type,
            b"data" => return Current::Pieces,
            b"choices" | b"output" | b"content" | b"candidates" | b"results" | b"predictions" | b"embedding"
            | b"embeddings" | b"text" => return Current::Answer,
            _ if self.watched == self.top && key == self.container && !key.is_empty() => return Current::Enter,
            _ => return Current::Skip,
        };
        Current::Keep(slot)
    }
}
