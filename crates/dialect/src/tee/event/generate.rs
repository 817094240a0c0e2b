//! Gemini `streamGenerateContent`: every event is a whole response; usage is cumulative; nothing marks the end but a
//! finish reason and the end of the body.

use crate::json::{Elements, each, is_document, is_null, text_len};
use crate::tee::tally::Tally;

use super::Reading;

/// Reads an event; nothing when it is no JSON object.
pub(super) fn read<'a>(data: &'a [u8], tally: &mut Tally) -> Option<Reading<'a>> {
    let mut failed = false;
    let whole = each(data, |member| {
        if is_null(member.value) {
            return;
        }
        match member.key {
            b"candidates" => read_candidates(member.value, tally),
            b"usageMetadata" => tally.usage(member.value, false),
            b"modelVersion" => tally.model(member.value),
            b"serviceTier" => tally.tier(member.value),
            b"promptFeedback" => read_feedback(member.value, tally),
            b"error" => failed = true,
            _ => {}
        }
    });
    if failed {
        tally.failed(data);
    }
    whole.then(Reading::single)
}

/// Reads lines that are no fields: an error, alone or in an array of one.
pub(super) fn bare(lines: &[u8], tally: &mut Tally) {
    if !is_document(lines) {
        tally.malformed = true;
        return;
    }
    let lines = lines.trim_ascii();
    if lines.first() == Some(&b'{') {
        read(lines, tally);
        return;
    }
    for element in Elements::of(lines) {
        read(lines.get(element).unwrap_or_default(), tally);
    }
}

fn read_candidates(candidates: &[u8], tally: &mut Tally) {
    for element in Elements::of(candidates) {
        each(candidates.get(element).unwrap_or_default(), |member| match member.key {
            b"content" => {
                each(member.value, |member| {
                    if member.key == b"parts" {
                        read_parts(member.value, tally);
                    }
                });
            }
            b"finishReason" => tally.finished |= !is_null(member.value),
            _ => {}
        });
    }
}

fn read_parts(parts: &[u8], tally: &mut Tally) {
    for element in Elements::of(parts) {
        each(parts.get(element).unwrap_or_default(), |member| match member.key {
            b"text" => tally.text(text_len(member.value)),
            b"functionCall" | b"executableCode" | b"codeExecutionResult" => tally.text(member.value.len() as u64),
            b"inlineData" | b"fileData" | b"toolCall" | b"toolResponse" => tally.touch(),
            _ => {}
        });
    }
}

/// A blocked prompt is answered in full by saying so.
fn read_feedback(feedback: &[u8], tally: &mut Tally) {
    each(feedback, |member| {
        tally.finished |= member.key == b"blockReason" && !is_null(member.value);
    });
}
