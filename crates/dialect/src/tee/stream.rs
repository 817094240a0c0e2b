//! An answer that is a stream of events.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use keyward_domain::dialect::{Dialect, Operation};

use super::event::{Fate, container, read, read_long};
use super::fields::fields;
use super::frame::Frame;
use super::long::Long;
use super::tally::Tally;
use super::template::Template;
use super::{Fed, MAX_EVENT, Metered};

/// Watches one stream.
#[derive(Debug)]
pub(crate) struct Stream {
    tally: Tally,
    /// Usage is taken out.
    hide: bool,
    /// Only whole events are forwarded.
    hold: bool,
    frame: Frame,
    template: Template,
    /// The beginning of an event whose end has not come.
    held: Vec<u8>,
    /// The event that goes on is longer than [`MAX_EVENT`].
    long: Option<Box<Long>>,
    /// The last event was not forwarded.
    dropped: bool,
}

impl Stream {
    pub(crate) fn new(dialect: Dialect, operation: Operation, hide: bool) -> Self {
        Self {
            tally: Tally::new(dialect, operation),
            hide,
            hold: hide,
            frame: Frame::new(),
            template: Template::default(),
            held: Vec::new(),
            long: None,
            dropped: false,
        }
    }

    pub(crate) const fn hold_events(&mut self) {
        self.hold = true;
    }

    pub(crate) fn feed(&mut self, chunk: Bytes) -> Fed {
        let mut out = Out::new(&chunk, self.hold);
        let mut at = 0;
        if self.frame.trailing(&chunk) {
            at = 1;
            out.pass(0..1, !self.dropped);
        }
        while let Some(rest) = chunk.get(at..).filter(|rest| !rest.is_empty()) {
            at += self.step(rest, at, &mut out);
        }
        let forward = out.finish().unwrap_or(chunk);
        let noted = self.tally.take_noted();
        Fed { forward, content: noted.content, terminal: noted.terminal, error: noted.error }
    }

    pub(crate) fn end(&mut self) -> Bytes {
        if let Some(long) = self.long.take() {
            read_long(long.flow(), &mut self.tally);
            return Bytes::new();
        }
        let event = std::mem::take(&mut self.held);
        // A cut event is no sign of anything wrong with events.
        let malformed = self.tally.malformed;
        let keep = self.read(&event);
        self.tally.malformed = malformed;
        self.frame = Frame::new();
        if self.hold { keep.of(&event) } else { Bytes::new() }
    }

    /// Bytes of content seen so far.
    pub(crate) const fn content_bytes(&self) -> u64 {
        self.tally.content_bytes()
    }

    pub(crate) fn metered(&self) -> Metered {
        self.tally.metered()
    }

    pub(crate) fn failure(&self) -> Option<&str> {
        self.tally.error()
    }

    pub(crate) fn at_event_boundary(&self) -> bool {
        // What is held has not been forwarded, if only whole events are.
        (self.held.is_empty() || self.hold) && self.long.is_none()
    }

    /// Passes one event, or the rest of the piece. Gives how far that was.
    #[inline]
    fn step(&mut self, rest: &[u8], at: usize, out: &mut Out<'_>) -> usize {
        if self.held.is_empty()
            && self.long.is_none()
            && let Some(fit) = self.template.fit(rest)
        {
            self.tally.text(fit.text);
            self.dropped = false;
            out.keep(&Keep { part: 0..fit.len, cut: fit.cut.filter(|_| self.hide) }, at);
            return fit.len;
        }
        match self.frame.end(rest) {
            Some(end) => self.close(rest, end, at, out),
            None => self.hold(rest, at, out),
        }
        .max(1)
    }

    /// An event ends here.
    fn close(&mut self, rest: &[u8], end: usize, at: usize, out: &mut Out<'_>) -> usize {
        let part = rest.get(..end).unwrap_or(rest);
        if let Some(mut long) = self.long.take() {
            long.feed(part);
            read_long(long.flow(), &mut self.tally);
            self.dropped = false;
            out.pass(at..at + end, true);
            return end;
        }
        if self.held.is_empty() && part.len() <= MAX_EVENT {
            let keep = self.read(part);
            self.dropped = keep.part.is_empty();
            out.keep(&keep, at);
            return end;
        }
        if self.held.len() + part.len() > MAX_EVENT {
            self.begin_long(out);
            return self.close(rest, end, at, out);
        }
        let mut event = std::mem::take(&mut self.held);
        event.extend_from_slice(part);
        let keep = self.read(&event);
        self.dropped = keep.part.is_empty();
        out.pass(at..at + end, false);
        out.add(&keep, &event);
        event.clear();
        self.held = event;
        end
    }

    /// An event goes on behind this piece.
    fn hold(&mut self, rest: &[u8], at: usize, out: &mut Out<'_>) -> usize {
        if self.long.is_none() && self.held.len() + rest.len() > MAX_EVENT {
            self.begin_long(out);
        }
        if let Some(long) = &mut self.long {
            long.feed(rest);
        } else {
            self.held.extend_from_slice(rest);
        }
        out.pass(at..at + rest.len(), self.long.is_some());
        rest.len()
    }

    /// Lets go of an event that is too long to be held.
    fn begin_long(&mut self, out: &mut Out<'_>) {
        let held = std::mem::take(&mut self.held);
        let mut long = Long::new(container(self.tally.dialect, self.tally.operation));
        long.feed(&held);
        out.add(&Keep { part: 0..held.len(), cut: None }, &held);
        self.tally.touch();
        self.tally.oversized = true;
        self.long = Some(Box::new(long));
    }

    /// Reads a whole event, and says what of it the client gets.
    fn read(&mut self, event: &[u8]) -> Keep {
        let fields = fields(event);
        let reading = read(&fields, &mut self.tally);
        self.template.learn(event, &reading);
        let all = 0..event.len();
        match reading.fate {
            Fate::Drop if self.hide => Keep { part: 0..0, cut: None },
            Fate::Cut(part) if self.hide => Keep { part: all, cut: crate::json::place(event, part) },
            _ => Keep { part: all, cut: None },
        }
    }
}

/// What the client gets of an event: this part of it, without what is cut out.
struct Keep {
    part: Range<usize>,
    cut: Option<Range<usize>>,
}

impl Keep {
    fn of(&self, event: &[u8]) -> Bytes {
        let mut bytes = BytesMut::new();
        self.write(event, &mut bytes);
        bytes.freeze()
    }

    fn write(&self, event: &[u8], bytes: &mut BytesMut) {
        let cut = self.cut.clone().unwrap_or(self.part.end..self.part.end);
        bytes.extend_from_slice(event.get(self.part.start..cut.start).unwrap_or_default());
        bytes.extend_from_slice(event.get(cut.end..self.part.end).unwrap_or_default());
    }
}

/// What is forwarded of a piece: all of it, or, where something may have to be left out, a part of it as it is, until
/// something really is left out or put in.
struct Out<'a> {
    chunk: &'a Bytes,
    edits: bool,
    kept: usize,
    changed: Option<BytesMut>,
}

impl<'a> Out<'a> {
    const fn new(chunk: &'a Bytes, edits: bool) -> Self {
        Self { chunk, edits, kept: 0, changed: None }
    }

    /// An event that stands at `at` in the piece.
    #[inline]
    fn keep(&mut self, keep: &Keep, at: usize) {
        if keep.cut.is_none() {
            let len = keep.part.end;
            self.pass(at..at + len, len > 0);
            return;
        }
        let event = self.chunk.get(at..at + keep.part.end).unwrap_or_default();
        self.add(keep, event);
    }

    /// A part of the piece, forwarded or not.
    #[inline]
    fn pass(&mut self, part: Range<usize>, forward: bool) {
        if !forward || !self.edits {
            return;
        }
        if self.changed.is_none() && self.kept == part.start {
            self.kept = part.end;
            return;
        }
        let part = self.chunk.get(part).unwrap_or_default();
        self.change().extend_from_slice(part);
    }

    /// An event that does not stand in the piece as it is forwarded.
    fn add(&mut self, keep: &Keep, event: &[u8]) {
        if self.edits {
            keep.write(event, self.change());
        }
    }

    fn change(&mut self) -> &mut BytesMut {
        let kept = self.chunk.get(..self.kept).unwrap_or_default();
        self.changed.get_or_insert_with(|| {
            let mut bytes = BytesMut::with_capacity(self.chunk.len());
            bytes.extend_from_slice(kept);
            bytes
        })
    }

    /// What is forwarded instead of the piece, when that is not the piece itself.
    fn finish(self) -> Option<Bytes> {
        match self.changed {
            Some(changed) => Some(changed.freeze()),
            None if self.edits && self.kept < self.chunk.len() => Some(self.chunk.slice(..self.kept)),
            None => None,
        }
    }
}
