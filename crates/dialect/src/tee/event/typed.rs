//! OpenAI images, speech and transcription as streams: typed events, usage in the last one.

use keyward_domain::dialect::Operation;

use crate::json::{each, is_null, text_len};
use crate::tee::tally::Tally;

use super::{Reading, ends, unquoted};

/// Reads an event; nothing when it is no JSON object.
pub(super) fn read<'a>(data: &'a [u8], tally: &mut Tally) -> Option<Reading<'a>> {
    let (mut kind, mut usage, mut text, mut failed): (&[u8], Option<&[u8]>, u64, bool) = (b"", None, 0, false);
    let whole = each(data, |member| {
        if is_null(member.value) {
            return;
        }
        match member.key {
            b"type" => kind = unquoted(member.value),
            b"usage" => usage = Some(member.value),
            b"delta" => text = text_len(member.value),
            b"error" => failed = true,
            b"model" => tally.model(member.value),
            _ => {}
        }
    });
    if !whole {
        return None;
    }
    if failed || kind == b"error" {
        tally.failed(data);
        return Some(Reading::single());
    }
    if !matches!(kind.rsplit(|byte| *byte == b'.').next(), Some(b"created" | b"in_progress" | b"generating")) {
        tally.touch();
    }
    tally.text(text);
    if let Some(usage) = usage {
        tally.usage(usage, ends(kind));
    }
    if ends(kind) {
        tally.image(u64::from(tally.operation == Operation::Image));
        tally.ended();
    }
    Some(Reading::single())
}
