//! Anthropic `messages`.

use crate::bound::answer;
use crate::json::{each, is_null, text_len};
use crate::tee::tally::Tally;

use super::{Hole, Reading, unquoted};

/// The members of an event that matter.
#[derive(Default)]
struct Event<'a> {
    kind: &'a [u8],
    message: Option<&'a [u8]>,
    delta: Option<&'a [u8]>,
    usage: Option<&'a [u8]>,
    block: Option<&'a [u8]>,
}

/// Reads an event; nothing when it is no JSON object.
pub(super) fn read<'a>(data: &'a [u8], tally: &mut Tally) -> Option<Reading<'a>> {
    let mut event = Event::default();
    let whole = each(data, |member| {
        let value = Some(member.value).filter(|value| !is_null(value));
        match member.key {
            b"type" => event.kind = unquoted(member.value),
            b"message" => event.message = value,
            b"delta" => event.delta = value,
            b"usage" => event.usage = value,
            b"content_block" => event.block = value,
            _ => {}
        }
    });
    if !whole {
        return None;
    }
    let mut reading = Reading::single();
    match event.kind {
        b"message_start" => read_start(event.message.unwrap_or_default(), tally),
        b"content_block_start" => {
            let block = event.block.unwrap_or_default();
            read_block(block, tally);
            answer::block(block, &mut tally.bound);
        }
        b"content_block_delta" => read_delta(event.delta.unwrap_or_default(), &mut reading, tally),
        b"message_delta" => read_end(&event, tally),
        b"message_stop" => tally.ended(),
        b"error" => tally.failed(data),
        _ => {}
    }
    Some(reading)
}

fn read_start(message: &[u8], tally: &mut Tally) {
    each(message, |member| match member.key {
        b"usage" => {
            tally.message_start(member.value);
            read_tier(member.value, tally);
        }
        b"model" => tally.model(member.value),
        b"container" => answer::container(member.value, &mut tally.bound),
        _ => {}
    });
}

/// A block that begins empty is a promise only; tools and whole blocks are content.
fn read_block(block: &[u8], tally: &mut Tally) {
    let (mut kind, mut bytes): (&[u8], u64) = (b"", 0);
    each(block, |member| match member.key {
        b"type" => kind = unquoted(member.value),
        b"name" | b"text" | b"thinking" => bytes += text_len(member.value),
        _ => {}
    });
    if !matches!(kind, b"text" | b"thinking") {
        tally.touch();
    }
    tally.text(bytes);
}

fn read_delta<'a>(delta: &'a [u8], reading: &mut Reading<'a>, tally: &mut Tally) {
    each(delta, |member| match member.key {
        b"text" | b"partial_json" | b"thinking" => {
            let bytes = text_len(member.value);
            if bytes > 0 {
                tally.text(bytes);
                reading.hole(member.value, Hole::Content);
                reading.recurs = true;
            }
        }
        b"signature" if text_len(member.value) == 0 => {}
        b"signature" | b"citation" => tally.touch(),
        _ => {}
    });
}

fn read_end(event: &Event<'_>, tally: &mut Tally) {
    if let Some(usage) = event.usage {
        tally.message_delta(usage);
        read_tier(usage, tally);
    }
    each(event.delta.unwrap_or_default(), |member| match member.key {
        b"stop_reason" => tally.finished |= !is_null(member.value),
        b"container" => answer::container(member.value, &mut tally.bound),
        _ => {}
    });
}

fn read_tier(usage: &[u8], tally: &mut Tally) {
    each(usage, |member| {
        if member.key == b"service_tier" {
            tally.tier(member.value);
        }
    });
}
