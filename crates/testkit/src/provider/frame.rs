//! From events to bytes: the deviations that act on whole events, then those that act on bytes.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use super::fault::{Close, Fault, LineEnds, Stall};

/// A piece of the body as a dialect makes it, with the tokens that were generated for it.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    pub(crate) bytes: Bytes,
    pub(crate) generated: u64,
}

impl Frame {
    pub(crate) fn new(bytes: impl Into<Bytes>) -> Self {
        Self { bytes: bytes.into(), generated: 0 }
    }

    pub(crate) fn generated(bytes: impl Into<Bytes>, tokens: u64) -> Self {
        Self { bytes: bytes.into(), generated: tokens }
    }
}

/// Frames of an answer, made while they are read.
pub(crate) type Frames = Box<dyn Iterator<Item = Frame> + Send>;

/// What the body does next.
#[derive(Debug)]
pub(crate) enum Action {
    Send(Frame),
    Stall,
    Step,
    Fail(Close),
}

/// The body's doings in order.
pub(crate) type Actions = Box<dyn Iterator<Item = Action> + Send>;

/// The whole road from a dialect's frames to what goes out. `error` is the event that ends a stream in which the
/// script breaks off; `events` says whether the body is an event stream at all.
pub(crate) fn script(frames: Frames, fault: &Fault, error: Option<Bytes>, events: bool) -> Actions {
    let mut actions: Actions = Box::new(Eventful::new(frames, fault, error, events));
    if fault.gzip {
        actions = Box::new(Gzip::new(actions));
    }
    if !fault.rechunk.is_empty() {
        actions = Box::new(Rechunk {
            inner: actions,
            sizes: fault.rechunk.clone(),
            turn: 0,
            held: BytesMut::new(),
            next: VecDeque::new(),
            ended: false,
        });
    }
    if let Some((byte, close)) = fault.cut {
        actions = Box::new(AtByte {
            inner: actions,
            left: byte,
            then: Some(Action::Fail(close)),
            next: VecDeque::new(),
            last: true,
        });
    }
    if let Some(Stall::AtByte(byte)) = fault.stall {
        actions = Box::new(AtByte {
            inner: actions,
            left: byte,
            then: Some(Action::Stall),
            next: VecDeque::new(),
            last: false,
        });
    }
    actions
}

/// Acts between events: stalls, steps, inserted bytes, comments, errors, line ends.
struct Eventful {
    frames: Frames,
    next: VecDeque<Action>,
    tokens: u64,
    events: u64,
    lines: u64,
    stall: Option<u64>,
    stepped: bool,
    error: Option<(u64, Bytes)>,
    inserts: Vec<(u64, Bytes)>,
    comment_every: Option<u64>,
    line_ends: LineEnds,
    is_stream: bool,
}

impl Eventful {
    fn new(frames: Frames, fault: &Fault, error: Option<Bytes>, is_stream: bool) -> Self {
        let stall = match fault.stall {
            Some(Stall::BeforeFirstToken) => Some(0),
            Some(Stall::AfterTokens(tokens)) => Some(tokens),
            _ => None,
        };
        let error = fault.error_after.as_ref().zip(error).map(|((tokens, _), bytes)| (*tokens, bytes));
        Self {
            frames,
            next: VecDeque::new(),
            tokens: 0,
            events: 0,
            lines: 0,
            stall,
            stepped: fault.stepped,
            error,
            inserts: if is_stream { fault.inserts.clone() } else { Vec::new() },
            comment_every: fault.comment_every.filter(|_| is_stream),
            line_ends: if is_stream { fault.line_ends } else { LineEnds::Lf },
            is_stream,
        }
    }

    /// What stands between the tokens sent so far and the next frame. True if the stream ends here.
    fn interrupt(&mut self) -> bool {
        if self.stall.is_some_and(|at| self.tokens >= at) {
            self.stall = None;
            self.next.push_back(Action::Stall);
        }
        let due: Vec<Bytes> = {
            let (due, later) = std::mem::take(&mut self.inserts).into_iter().partition(|(at, _)| self.tokens >= *at);
            self.inserts = later;
            let due: Vec<(u64, Bytes)> = due;
            due.into_iter().map(|(_, bytes)| bytes).collect()
        };
        self.next.extend(due.into_iter().map(|bytes| Action::Send(Frame::new(bytes))));
        if self.error.as_ref().is_some_and(|(at, _)| self.tokens >= *at)
            && let Some((_, bytes)) = self.error.take()
        {
            let bytes = self.with_line_ends(&bytes);
            self.next.push_back(Action::Send(Frame::new(bytes)));
            self.frames = Box::new(std::iter::empty());
            return true;
        }
        false
    }

    fn with_line_ends(&mut self, bytes: &Bytes) -> Bytes {
        if self.line_ends == LineEnds::Lf {
            return bytes.clone();
        }
        let mut out = BytesMut::with_capacity(bytes.len() + 8);
        for byte in bytes {
            if *byte == b'\n' {
                self.lines += 1;
                if self.line_ends == LineEnds::Crlf || self.lines % 3 == 1 {
                    out.extend_from_slice(b"\r");
                }
            }
            out.extend_from_slice(&[*byte]);
        }
        out.freeze()
    }
}

impl Iterator for Eventful {
    type Item = Action;

    fn next(&mut self) -> Option<Action> {
        if let Some(action) = self.next.pop_front() {
            return Some(action);
        }
        let frame = self.frames.next()?;
        let starts_tokens = frame.generated > 0;
        // Deviations counted in tokens act just before the next token, or before the first event that closes.
        if (starts_tokens || self.tokens > 0) && self.interrupt() {
            return self.next.pop_front();
        }
        self.events += 1;
        if self.comment_every.is_some_and(|every| self.events.is_multiple_of(every)) {
            self.next.push_back(Action::Send(Frame::new(": keep-alive\n\n")));
        }
        if self.stepped && starts_tokens {
            self.next.push_back(Action::Step);
        }
        self.tokens += frame.generated;
        let bytes = if self.is_stream { self.with_line_ends(&frame.bytes) } else { frame.bytes };
        self.next.push_back(Action::Send(Frame { bytes, generated: frame.generated }));
        self.next.pop_front()
    }
}

/// Cuts what passes into chunks of the given sizes. Tokens count with the first chunk that holds any byte of them.
struct Rechunk {
    inner: Actions,
    sizes: Vec<usize>,
    turn: usize,
    held: BytesMut,
    next: VecDeque<Action>,
    ended: bool,
}

impl Rechunk {
    fn size(&mut self) -> usize {
        let size = self.sizes.get(self.turn % self.sizes.len()).copied().unwrap_or(1).max(1);
        self.turn += 1;
        size
    }

    fn flush(&mut self) {
        if !self.held.is_empty() {
            let rest = self.held.split().freeze();
            self.next.push_back(Action::Send(Frame::new(rest)));
        }
    }
}

impl Iterator for Rechunk {
    type Item = Action;

    fn next(&mut self) -> Option<Action> {
        while self.next.is_empty() && !self.ended {
            match self.inner.next() {
                Some(Action::Send(frame)) => {
                    self.held.extend_from_slice(&frame.bytes);
                    let mut generated = frame.generated;
                    let mut size = self.size();
                    while self.held.len() >= size {
                        let chunk = self.held.split_to(size).freeze();
                        self.next.push_back(Action::Send(Frame::generated(chunk, std::mem::take(&mut generated))));
                        size = self.size();
                    }
                    self.turn -= 1;
                    if generated > 0 {
                        // Too short for a chunk of its own: the tokens travel on an empty frame.
                        self.next.push_back(Action::Send(Frame::generated(Bytes::new(), generated)));
                    }
                }
                Some(other) => {
                    self.flush();
                    self.next.push_back(other);
                }
                None => {
                    self.flush();
                    self.ended = true;
                }
            }
        }
        self.next.pop_front()
    }
}

/// Does one thing after a number of bytes.
struct AtByte {
    inner: Actions,
    left: u64,
    then: Option<Action>,
    next: VecDeque<Action>,
    last: bool,
}

impl Iterator for AtByte {
    type Item = Action;

    fn next(&mut self) -> Option<Action> {
        if let Some(action) = self.next.pop_front() {
            return Some(action);
        }
        if self.left == 0
            && let Some(action) = self.then.take()
        {
            if self.last {
                self.inner = Box::new(std::iter::empty());
            }
            return Some(action);
        }
        let action = self.inner.next()?;
        let Action::Send(mut frame) = action else { return Some(action) };
        let length = frame.bytes.len() as u64;
        if self.then.is_none() || length <= self.left {
            self.left -= length.min(self.left);
            return Some(Action::Send(frame));
        }
        let head = frame.bytes.split_to(usize::try_from(self.left).unwrap_or(0));
        self.left = 0;
        if !self.last {
            self.next.extend(self.then.take());
            self.next.push_back(Action::Send(Frame::new(frame.bytes)));
        }
        Some(Action::Send(Frame::generated(head, frame.generated)))
    }
}

/// Wraps what passes into gzip with stored blocks: valid for every decoder, and no compressor is needed.
struct Gzip {
    inner: Actions,
    checksum: crc32fast::Hasher,
    length: u32,
    begun: bool,
    ended: bool,
}

/// The longest stored block that deflate knows.
const MAX_STORED_BLOCK: usize = 65_535;

impl Gzip {
    fn new(inner: Actions) -> Self {
        Self { inner, checksum: crc32fast::Hasher::new(), length: 0, begun: false, ended: false }
    }

    fn header(&mut self) -> &'static [u8] {
        if std::mem::replace(&mut self.begun, true) { &[] } else { &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255] }
    }
}

impl Iterator for Gzip {
    type Item = Action;

    fn next(&mut self) -> Option<Action> {
        match self.inner.next() {
            Some(Action::Send(frame)) => {
                let mut out = BytesMut::from(self.header());
                for block in frame.bytes.chunks(MAX_STORED_BLOCK) {
                    let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
                    out.extend_from_slice(&[0]);
                    out.extend_from_slice(&length.to_le_bytes());
                    out.extend_from_slice(&(!length).to_le_bytes());
                    out.extend_from_slice(block);
                    self.checksum.update(block);
                    self.length = self.length.wrapping_add(u32::from(length));
                }
                Some(Action::Send(Frame::generated(out.freeze(), frame.generated)))
            }
            Some(other) => Some(other),
            None if self.ended => None,
            None => {
                self.ended = true;
                let mut out = BytesMut::from(self.header());
                out.extend_from_slice(&[1, 0, 0, 0xff, 0xff]);
                out.extend_from_slice(&self.checksum.clone().finalize().to_le_bytes());
                out.extend_from_slice(&self.length.to_le_bytes());
                Some(Action::Send(Frame::new(out.freeze())))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(actions: Actions) -> Vec<Vec<u8>> {
        actions
            .filter_map(|action| if let Action::Send(frame) = action { Some(frame.bytes.to_vec()) } else { None })
            .collect()
    }

    fn frames() -> Frames {
        Box::new(
            ["data: one\n\n", "data: two\n\n", "data: end\n\n"]
                .into_iter()
                .enumerate()
                .map(|(index, text)| Frame::generated(text, u64::from(index < 2))),
        )
    }

    #[test]
    fn rechunking_keeps_every_byte_and_every_token() {
        let fault = Fault::answer().rechunk([1, 7, 2]);
        let actions: Vec<Action> = script(frames(), &fault, None, true).collect();
        let generated: u64 =
            actions.iter().map(|action| if let Action::Send(frame) = action { frame.generated } else { 0 }).sum();
        assert_eq!(generated, 2);
        let chunks = sent(Box::new(actions.into_iter()));
        assert_eq!(chunks.concat(), b"data: one\n\ndata: two\n\ndata: end\n\n");
        let sizes: Vec<usize> = chunks.iter().map(Vec::len).filter(|size| *size > 0).take(6).collect();
        assert_eq!(sizes, [1, 7, 2, 1, 7, 2]);
    }

    #[test]
    fn a_cut_ends_after_exactly_that_byte() {
        for byte in 0..33 {
            let fault = Fault::answer().cut_at(byte, Close::Fin);
            let actions: Vec<Action> = script(frames(), &fault, None, true).collect();
            assert!(matches!(actions.last(), Some(Action::Fail(Close::Fin))), "byte {byte}");
            let length: usize = sent(Box::new(actions.into_iter())).iter().map(Vec::len).sum();
            assert_eq!(length as u64, byte);
        }
    }

    #[test]
    fn an_error_replaces_the_rest() {
        let fault = Fault::answer().error_after(1, super::super::refusal::VendorError::Overloaded);
        let chunks = sent(script(frames(), &fault, Some(Bytes::from_static(b"data: error\n\n")), true));
        assert_eq!(chunks.concat(), b"data: one\n\ndata: error\n\n");
    }

    #[test]
    fn line_ends_change_nothing_else() {
        let fault = Fault::answer().line_ends(LineEnds::Mixed);
        let mixed = sent(script(frames(), &fault, None, true)).concat();
        assert!(mixed.windows(2).any(|pair| pair == b"\r\n"));
        let plain: Vec<u8> = mixed.into_iter().filter(|byte| *byte != b'\r').collect();
        assert_eq!(plain, b"data: one\n\ndata: two\n\ndata: end\n\n");
    }
}
