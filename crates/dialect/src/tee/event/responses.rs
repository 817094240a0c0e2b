//! OpenAI `responses`: typed events; the last one carries the whole response with its usage.

use crate::json::{each, is_null, text_len};
use crate::tee::tally::Tally;

use super::{Hole, Reading, ends, unquoted};

/// Reads an event; nothing when it is no JSON object.
pub(super) fn read<'a>(data: &'a [u8], tally: &mut Tally) -> Option<Reading<'a>> {
    let mut kind: &[u8] = b"";
    let (mut delta, mut response, mut failed) = (None, None, false);
    let mut reading = Reading::single();
    let whole = each(data, |member| match member.key {
        b"type" => kind = unquoted(member.value),
        b"delta" => delta = Some(member.value),
        b"response" => response = Some(member.value),
        b"error" => failed = !is_null(member.value),
        b"sequence_number" => reading.hole(member.value, Hole::Digits),
        b"obfuscation" => reading.hole(member.value, Hole::Padding),
        _ => {}
    });
    if !whole {
        return None;
    }
    if kind == b"error" || failed {
        tally.failed(data);
    } else if let Some(response) = response {
        read_response(kind, response, tally);
    } else if let Some(delta) = delta {
        read_delta(kind, delta, &mut reading, tally);
    }
    Some(reading)
}

fn read_delta<'a>(kind: &[u8], delta: &'a [u8], reading: &mut Reading<'a>, tally: &mut Tally) {
    tally.touch();
    // Audio and pictures come as base64, which is no text.
    if kind.windows(5).any(|part| part == b"audio") && !kind.windows(10).any(|part| part == b"transcript") {
        return;
    }
    tally.text(text_len(delta));
    reading.hole(delta, Hole::Content);
    reading.recurs = delta.first() == Some(&b'"');
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
