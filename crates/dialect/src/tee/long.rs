//! An event that is too long to be held: its data lines go through a scanner while they pass.

use crate::json::Flow;

/// The scanner and its place in the lines.
#[derive(Debug)]
pub(crate) struct Long {
    flow: Flow,
    line: Line,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    /// So many bytes of `data:` have come.
    Field(usize),
    Data,
    Other,
}

const DATA: &[u8] = b"data:";

impl Long {
    pub(crate) const fn new(container: &'static [u8]) -> Self {
        Self { flow: Flow::new(container), line: Line::Field(0) }
    }

    /// The next piece of the event.
    pub(crate) fn feed(&mut self, piece: &[u8]) {
        let mut rest = piece;
        while let Some((first, behind)) = rest.split_first() {
            if matches!(first, b'\n' | b'\r') {
                self.line = Line::Field(0);
                rest = behind;
                continue;
            }
            match self.line {
                Line::Field(at) => {
                    let fits = DATA.get(at) == Some(first);
                    self.line = match at + 1 {
                        _ if !fits => Line::Other,
                        len if len == DATA.len() => Line::Data,
                        len => Line::Field(len),
                    };
                    rest = behind;
                }
                Line::Data | Line::Other => {
                    let end = memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
                    let (part, next) = rest.split_at(end);
                    if self.line == Line::Data {
                        self.flow.feed(part);
                    }
                    rest = next;
                }
            }
        }
    }

    pub(crate) const fn flow(&self) -> &Flow {
        &self.flow
    }
}
