//! OpenAI `responses`: typed events; the last one carries the whole response with its usage.

use crate::bound::{Kind, answer, request};
use crate::json::{each, is_null, text_len};
use crate::tee::tally::Tally;

use super::{Hole, Reading, ends, is_filled, unquoted};

/// The members of an event that matter.
#[derive(Default)]
struct Event<'a> {
    kind: &'a [u8],
    delta: Option<&'a [u8]>,
    response: Option<&'a [u8]>,
    item: Option<&'a [u8]>,
    failed: bool,
    /// Text, arguments or a picture that come whole.
    whole: bool,
}

/// Reads an event; nothing when it is no JSON object.
pub(super) fn read<'a>(data: &'a [u8], tally: &mut Tally) -> Option<Reading<'a>> {
    let mut event = Event::default();
    let mut reading = Reading::single();
    let whole = each(data, |member| match member.key {
        b"type" => event.kind = unquoted(member.value),
        b"delta" => event.delta = Some(member.value),
        b"response" => event.response = Some(member.value),
        b"item" => event.item = Some(member.value),
        b"error" => event.failed = !is_null(member.value),
        b"sequence_number" => reading.hole(member.value, Hole::Digits),
        b"obfuscation" => reading.hole(member.value, Hole::Padding),
        b"text" | b"refusal" | b"arguments" | b"input" | b"partial_image_b64" => {
            event.whole |= text_len(member.value) > 0;
        }
        b"part" => event.whole |= shows(member.value),
        _ => {}
    });
    if !whole {
        return None;
    }
    if event.kind == b"error" || event.failed {
        tally.failed(data);
    } else if let Some(response) = event.response {
        read_response(event.kind, response, tally);
    } else if let Some(delta) = event.delta {
        read_delta(event.kind, delta, &mut reading, tally);
    } else if let Some(item) = event.item {
        read_item(event.kind, item, tally);
    } else if event.whole {
        tally.touch();
    }
    Some(reading)
}

fn read_delta<'a>(kind: &[u8], delta: &'a [u8], reading: &mut Reading<'a>, tally: &mut Tally) {
    let bytes = if delta.first() == Some(&b'"') { text_len(delta) } else { delta.len() as u64 };
    if bytes == 0 {
        return;
    }
    tally.touch();
    // Audio and pictures come as base64, which is no text.
    if kind.windows(5).any(|part| part == b"audio") && !kind.windows(10).any(|part| part == b"transcript") {
        return;
    }
    tally.text(text_len(delta));
    reading.hole(delta, Hole::Content);
    reading.recurs = delta.first() == Some(&b'"');
}

/// An item begins or is done. A message or reasoning that begins is a promise only; a call of a tool is content.
fn read_item(kind: &[u8], item: &[u8], tally: &mut Tally) {
    let (mut of, mut shown): (&[u8], bool) = (b"", false);
    each(item, |member| match member.key {
        b"type" => of = unquoted(member.value),
        b"content" | b"summary" => shown |= is_filled(member.value),
        _ => {}
    });
    if shown || !matches!(of, b"" | b"message" | b"reasoning") || (kind.ends_with(b".done") && of == b"reasoning") {
        tally.touch();
    }
    answer::item(item, &mut tally.bound);
}

/// Whether a part of an item has text in it, or anything else that is shown.
fn shows(part: &[u8]) -> bool {
    let mut shows = false;
    each(part, |member| shows |= member.key != b"type" && text_len(member.value) > 0);
    shows
}

fn read_response(kind: &[u8], response: &[u8], tally: &mut Tally) {
    let mut error: Option<&[u8]> = None;
    each(response, |member| {
        if is_null(member.value) {
            return;
        }
        match member.key {
            b"usage" => tally.usage(member.value, ends(kind)),
            b"tool_usage" => tally.searched(crate::usage::searches(member.value)),
            b"service_tier" => tally.tier(member.value),
            b"model" => tally.model(member.value),
            b"error" => error = Some(member.value),
            b"id" => tally.bound.value(Kind::Response, member.value),
            b"conversation" => request::id(Kind::Conversation, member.value, &mut tally.bound),
            b"output" if is_filled(member.value) => {
                tally.touch();
                answer::items(member.value, &mut tally.bound);
            }
            _ => {}
        }
    });
    if kind == b"response.failed" {
        tally.failed(&[b"{\"error\":", error.unwrap_or(b"null"), b"}"].concat());
        tally.complete = true;
    } else if ends(kind) {
        tally.ended();
    }
}
