//! Where events end: at an empty line, whichever of the three line ends is used, wherever the pieces are cut.

use memchr::memchr2;

/// The state between two pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame {
    /// The next byte is the first of a line.
    line_start: bool,
    /// A line ended with a carriage return at the very end of a piece: a line feed that follows belongs to it.
    after_cr: bool,
    /// The same, where that line was the empty one: the line feed belongs to the event that is over.
    after_event: bool,
}

impl Frame {
    pub(crate) const fn new() -> Self {
        Self { line_start: true, after_cr: false, after_event: false }
    }

    /// Whether the first byte of this piece still belongs to the event that is over.
    pub(crate) fn trailing(&mut self, piece: &[u8]) -> bool {
        match piece.first() {
            None => false,
            Some(first) => std::mem::take(&mut self.after_event) && *first == b'\n',
        }
    }

    /// Where the event that goes on here ends, behind its empty line.
    pub(crate) fn end(&mut self, piece: &[u8]) -> Option<usize> {
        let mut at = 0;
        if piece.first() == Some(&b'\n') && self.after_cr {
            at = 1;
        }
        self.after_cr &= piece.is_empty();
        loop {
            let rest = piece.get(at..)?;
            let first = *rest.first()?;
            if self.line_start && first == b'\n' {
                return Some(at + 1);
            }
            if self.line_start && first == b'\r' {
                self.after_event = rest.len() == 1;
                return Some(at + 1 + usize::from(rest.get(1) == Some(&b'\n')));
            }
            let Some(end) = memchr2(b'\n', b'\r', rest) else {
                self.line_start = false;
                return None;
            };
            self.line_start = true;
            at += end + 1;
            if rest.get(end) == Some(&b'\r') {
                match rest.get(end + 1) {
                    Some(b'\n') => at += 1,
                    Some(_) => {}
                    None => self.after_cr = true,
                }
            }
        }
    }
}
