//! The shape of the last plain content event.
//!
//! In a stream nearly every event equals the one before it but for a bit of text (and perhaps padding and a counter).
//! Once such an event has been read in full, the next one needs only a comparison: if all bytes outside those holes are
//! the same and the holes hold text or digits of their own kind, the event means the same.

use std::ops::Range;

use crate::json::{measure, place};

use super::event::{Fate, Hole, MAX_HOLES, Reading};

/// What may differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Gap {
    /// Where it stands in the literal text, which leaves holes out.
    at: usize,
    kind: Hole,
}

/// The shape of an event.
#[derive(Debug, Default)]
pub(crate) struct Template {
    /// The event without what stands in its holes; empty when there is no template.
    literal: Vec<u8>,
    gaps: [Option<Gap>; MAX_HOLES],
    /// What has to be cut out, as a place in the literal text.
    cut: Option<Range<usize>>,
}

/// An event that fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fit {
    /// How long the event is.
    pub(crate) len: usize,
    /// Bytes of content in it.
    pub(crate) text: u64,
    /// What has to be cut out of it.
    pub(crate) cut: Option<Range<usize>>,
}

impl Template {
    /// Takes the shape of this event, if it is one that recurs.
    pub(crate) fn learn(&mut self, event: &[u8], reading: &Reading<'_>) {
        // Behind a lone carriage return a line feed may still come.
        let recurs = reading.is_plain() && reading.fate != Fate::Drop && event.last() == Some(&b'\n');
        if recurs && self.try_learn(event, reading).is_none() {
            self.literal.clear();
        }
    }

    fn try_learn(&mut self, event: &[u8], reading: &Reading<'_>) -> Option<()> {
        let mut holes: [Option<(Range<usize>, Hole)>; MAX_HOLES] = [const { None }; MAX_HOLES];
        for (slot, hole) in holes.iter_mut().zip(&reading.holes) {
            if let Some((part, kind)) = hole {
                *slot = Some((place(event, part)?, *kind));
            }
        }
        holes.sort_unstable_by_key(|hole| hole.as_ref().map_or(usize::MAX, |(range, _)| range.start));
        let cut = match reading.fate {
            Fate::Cut(part) => Some(place(event, part)?),
            Fate::Keep | Fate::Drop => None,
        };
        self.literal.clear();
        self.cut.clone_from(&cut);
        let mut from = 0;
        let mut removed = 0;
        for (gap, hole) in self.gaps.iter_mut().zip(&holes) {
            *gap = None;
            let Some((range, kind)) = hole else { continue };
            self.literal.extend_from_slice(event.get(from..range.start)?);
            *gap = Some(Gap { at: self.literal.len(), kind: *kind });
            from = range.end;
            if cut.as_ref().is_some_and(|cut| cut.start >= range.end) {
                removed += range.len();
            }
        }
        self.literal.extend_from_slice(event.get(from..)?);
        if let Some(cut) = &mut self.cut {
            *cut = cut.start - removed..cut.end - removed;
        }
        Some(())
    }

    /// Whether the event that begins here has this shape.
    #[inline]
    pub(crate) fn fit(&self, bytes: &[u8]) -> Option<Fit> {
        if self.literal.is_empty() {
            return None;
        }
        let (mut at, mut from, mut text) = (0, 0, 0);
        let mut cut = self.cut.clone();
        for gap in self.gaps.iter().map_while(|gap| *gap) {
            let part = self.literal.get(from..gap.at)?;
            let rest = bytes.get(at..)?.strip_prefix(part)?;
            let filled = match gap.kind {
                Hole::Content | Hole::Padding => {
                    let measure = measure(rest)?;
                    text += if gap.kind == Hole::Content { measure.text } else { 0 };
                    measure.written
                }
                Hole::Digits => match rest.iter().take_while(|byte| byte.is_ascii_digit()).count() {
                    0 => return None,
                    digits => digits,
                },
            };
            at += part.len();
            if let Some(cut) = cut.as_mut().filter(|cut| cut.start >= at) {
                *cut = cut.start + filled..cut.end + filled;
            }
            at += filled;
            from = gap.at;
        }
        let part = self.literal.get(from..)?;
        bytes.get(at..)?.strip_prefix(part)?;
        Some(Fit { len: at + part.len(), text, cut })
    }
}
