//! What one event means, per dialect and operation.

mod chat;
mod generate;
mod messages;
mod responses;
mod typed;

use keyward_domain::dialect::{Dialect, Operation};

use crate::json::{Flow, Slot, is_document};

use super::fields::Fields;
use super::tally::{Tally, clipped};

/// The most holes in an event's template: text, padding, a counter.
pub(crate) const MAX_HOLES: usize = 3;

/// What may differ between one event and the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hole {
    /// Text that counts.
    Content,
    /// A string that does not.
    Padding,
    /// A counter.
    Digits,
}

/// What becomes of an event in a stream whose usage is hidden.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate<'a> {
    Keep,
    /// Nothing but what the client did not ask for.
    Drop,
    /// This part of it is what the client did not ask for.
    Cut(&'a [u8]),
}

/// What was found in an event.
#[derive(Debug)]
pub(crate) struct Reading<'a> {
    pub(crate) fate: Fate<'a>,
    /// It is of a kind that recurs: text and little else.
    recurs: bool,
    /// Something in it counts that no hole holds.
    irregular: bool,
    pub(crate) holes: [Option<(&'a [u8], Hole)>; MAX_HOLES],
}

impl<'a> Reading<'a> {
    /// An event of which nothing is to be expected again.
    pub(crate) const fn single() -> Self {
        Self { fate: Fate::Keep, recurs: false, irregular: false, holes: [None; MAX_HOLES] }
    }

    /// Whether events of this shape mean the same but for what stands in the holes.
    pub(crate) const fn is_plain(&self) -> bool {
        self.recurs && !self.irregular
    }

    /// Opens a hole at the text of this string value; too many holes make the event no template.
    fn hole(&mut self, value: &'a [u8], kind: Hole) {
        let inner = match kind {
            Hole::Digits => value,
            _ => value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value),
        };
        match self.holes.iter_mut().find(|hole| hole.is_none()) {
            Some(hole) => *hole = Some((inner, kind)),
            None => self.irregular = true,
        }
    }
}

/// Reads one event into the tally.
pub(crate) fn read<'a>(fields: &'a Fields<'a>, tally: &mut Tally) -> Reading<'a> {
    let Some(data) = fields.data.as_deref() else {
        if let Some(bare) = fields.bare.as_deref().filter(|_| tally.dialect == Dialect::Gemini) {
            generate::bare(bare, tally);
        }
        return Reading::single();
    };
    if data.starts_with(b"[DONE]") {
        tally.ended();
        return Reading::single();
    }
    if data.is_empty() {
        return Reading::single();
    }
    if fields.name == b"error" && !is_document(data) {
        tally.failed(data);
        return Reading::single();
    }
    let reading = match (tally.dialect, tally.operation) {
        (Dialect::Anthropic, _) => messages::read(data, tally),
        (Dialect::Gemini, _) => generate::read(data, tally),
        (Dialect::OpenAi, Operation::Responses) => responses::read(data, tally),
        (Dialect::OpenAi, Operation::Image | Operation::Speech | Operation::Transcribe) => typed::read(data, tally),
        (Dialect::OpenAi, _) => chat::read(data, fields.name, tally),
    };
    reading.unwrap_or_else(|| {
        tally.malformed = true;
        Reading::single()
    })
}

/// The member of an event or document that holds most of what matters.
pub(crate) const fn container(dialect: Dialect, operation: Operation) -> &'static [u8] {
    match (dialect, operation) {
        (Dialect::OpenAi, Operation::Responses) => b"response",
        (Dialect::Anthropic, _) => b"message",
        _ => b"",
    }
}

/// Reads an event that was too long to be held.
pub(crate) fn read_long(flow: &Flow, tally: &mut Tally) {
    let kind = flow.kept(Slot::Type).map(<[u8]>::to_vec).unwrap_or_default();
    let kind = kind.strip_prefix(b"\"").and_then(|kind| kind.strip_suffix(b"\"")).unwrap_or_default();
    note_names(flow, tally);
    match (tally.dialect, kind) {
        (Dialect::Anthropic, b"message_start") => {
            if let Some(usage) = flow.kept(Slot::Usage) {
                tally.message_start(usage);
            }
        }
        (Dialect::Anthropic, _) => {
            if let Some(usage) = flow.kept(Slot::Usage) {
                tally.message_delta(usage);
            }
        }
        _ => {
            if let Some(usage) = flow.kept(Slot::Usage) {
                tally.usage(usage, ends(kind));
            }
            if tally.operation == Operation::Image && ends(kind) {
                tally.image(1);
            }
        }
    }
    // Its items were not looked at.
    if tally.operation == Operation::Responses {
        tally.bound.overflow();
    }
    let failed = flow.kept(Slot::Error).is_some() && !matches!(kind, b"response.completed" | b"response.incomplete");
    if failed {
        tally.failed(&error(flow));
    } else if ends(kind) {
        tally.ended();
    }
}

/// The error that a document is; nothing when it is an answer.
pub(crate) fn document_error(flow: &Flow) -> Option<Box<str>> {
    flow.kept(Slot::Error).map(|_| clipped(&error(flow)))
}

/// Reads a whole document, or as much of one as came.
pub(crate) fn read_document(flow: &Flow, tally: &mut Tally) {
    note_names(flow, tally);
    if let Some(usage) = flow.kept(Slot::Usage) {
        tally.usage(usage, true);
    }
    if tally.operation == Operation::Image {
        tally.image(flow.pieces());
    }
    if flow.kept(Slot::Error).is_some() {
        tally.failed(&error(flow));
    }
    tally.text(flow.text());
    tally.complete = flow.is_whole();
    tally.malformed = flow.is_broken();
}

fn note_names(flow: &Flow, tally: &mut Tally) {
    if let Some(model) = flow.kept(Slot::Model) {
        tally.model(model);
    }
    if let Some(tier) = flow.kept(Slot::ServiceTier) {
        tally.tier(tier);
    }
    if let Some(usage) = flow.kept(Slot::ToolUsage) {
        tally.searched(crate::usage::searches(usage));
    }
}

fn error(flow: &Flow) -> Vec<u8> {
    [b"{\"error\":", flow.kept(Slot::Error).unwrap_or_default(), b"}"].concat()
}

/// Whether an event of this type is the last of its stream.
fn ends(kind: &[u8]) -> bool {
    matches!(
        kind,
        b"response.completed"
            | b"response.incomplete"
            | b"response.failed"
            | b"response.cancelled"
            | b"image_generation.completed"
            | b"image_edit.completed"
            | b"speech.audio.done"
            | b"transcript.text.done"
            | b"message_stop"
    )
}

/// The text of a type, without its quotes.
fn unquoted(value: &[u8]) -> &[u8] {
    value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value)
}

/// Whether this is an array or object with something in it.
fn is_filled(value: &[u8]) -> bool {
    let inside = value.strip_prefix(b"[").or_else(|| value.strip_prefix(b"{")).unwrap_or_default();
    !matches!(inside.trim_ascii_start().first(), None | Some(b']' | b'}'))
}
