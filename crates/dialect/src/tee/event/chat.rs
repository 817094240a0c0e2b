//! OpenAI `chat/completions` and `completions`.

use crate::json::{Elements, each, is_null, text_len};
use crate::tee::tally::Tally;

use super::{Fate, Hole, Reading};

/// The members of a chunk that matter.
#[derive(Default)]
struct Chunk<'a> {
    usage: Option<&'a [u8]>,
    /// `"usage":null` with the comma that ties it to its neighbour.
    usage_null: Option<&'a [u8]>,
    groq: Option<&'a [u8]>,
    choices: Option<&'a [u8]>,
    error: Option<&'a [u8]>,
    padding: Option<&'a [u8]>,
    model: Option<&'a [u8]>,
    tier: Option<&'a [u8]>,
}

/// Reads a chunk; nothing when it is no JSON object.
pub(super) fn read<'a>(data: &'a [u8], name: &[u8], tally: &mut Tally) -> Option<Reading<'a>> {
    let chunk = chunk(data)?;
    let mut reading = Reading::single();
    if chunk.error.is_some() || name == b"error" {
        tally.failed(data);
        return Some(reading);
    }
    if let Some(model) = chunk.model {
        tally.model(model);
    }
    if let Some(tier) = chunk.tier {
        tally.tier(tier);
    }
    let finished = tally.finished;
    let count = chunk.choices.map_or(0, |choices| read_choices(choices, &mut reading, tally));
    reading.recurs = count == 1 && reading.holes.iter().flatten().count() == 1 && tally.finished == finished;
    let usage = chunk.usage.or_else(|| member(chunk.groq?, b"usage"));
    if let Some(usage) = usage {
        tally.usage(usage, count == 0);
        reading.irregular = true;
    }
    if let Some(padding) = chunk.padding {
        reading.hole(padding, Hole::Padding);
    }
    reading.fate = match (chunk.usage, chunk.usage_null) {
        (Some(_), _) if count == 0 => Fate::Drop,
        (_, Some(part)) => Fate::Cut(part),
        _ => Fate::Keep,
    };
    Some(reading)
}

fn chunk(data: &[u8]) -> Option<Chunk<'_>> {
    let mut chunk = Chunk::default();
    // Where the member before ended, and whether the first one is an empty usage that takes the comma behind it along.
    let (mut before, mut first) = (None, None);
    let whole = each(data, |member| {
        if let Some(from) = first.take() {
            chunk.usage_null = data.get(from..member.from);
        }
        let value = Some(member.value).filter(|value| !is_null(value));
        match member.key {
            b"usage" if value.is_some() => chunk.usage = value,
            b"usage" => match before {
                Some(end) => chunk.usage_null = data.get(end..member.range.end),
                None => first = Some(member.from),
            },
            b"x_groq" => chunk.groq = value,
            b"choices" => chunk.choices = value,
            b"error" => chunk.error = value,
            b"obfuscation" => chunk.padding = value,
            b"model" => chunk.model = value,
            b"service_tier" => chunk.tier = value,
            _ => {}
        }
        before = Some(member.range.end);
    });
    whole.then_some(chunk)
}

/// Reads the choices, and says how many there are.
fn read_choices<'a>(choices: &'a [u8], reading: &mut Reading<'a>, tally: &mut Tally) -> usize {
    let mut count = 0;
    for element in Elements::of(choices) {
        count += 1;
        each(choices.get(element).unwrap_or_default(), |member| match member.key {
            b"delta" | b"message" => read_delta(member.value, reading, tally),
            b"text" => content(member.value, reading, tally),
            b"finish_reason" => tally.finished |= !is_null(member.value),
            _ => {}
        });
    }
    count
}

fn read_delta<'a>(delta: &'a [u8], reading: &mut Reading<'a>, tally: &mut Tally) {
    each(delta, |member| match member.key {
        b"role" => {}
        b"tool_calls" => {
            for element in Elements::of(member.value) {
                each(member.value.get(element).unwrap_or_default(), |member| match member.key {
                    b"function" | b"custom" => read_call(member.value, reading, tally),
                    _ => {}
                });
            }
        }
        b"function_call" => read_call(member.value, reading, tally),
        b"audio" => read_audio(member.value, reading, tally),
        // `content`, `refusal`, `reasoning`, `reasoning_content` and whatever else carries text.
        _ => content(member.value, reading, tally),
    });
}

/// Sound, which is no text, and what is said in it; the first piece may have nothing but an id.
fn read_audio<'a>(audio: &'a [u8], reading: &mut Reading<'a>, tally: &mut Tally) {
    each(audio, |member| match member.key {
        b"transcript" => content(member.value, reading, tally),
        b"data" if text_len(member.value) > 0 => tally.touch(),
        _ => {}
    });
}

fn read_call<'a>(call: &'a [u8], reading: &mut Reading<'a>, tally: &mut Tally) {
    each(call, |member| content(member.value, reading, tally));
}

/// Text, or a list of pieces with text in them.
fn content<'a>(value: &'a [u8], reading: &mut Reading<'a>, tally: &mut Tally) {
    match value.first() {
        Some(b'"') => {
            let bytes = text_len(value);
            if bytes > 0 {
                tally.text(bytes);
                reading.hole(value, Hole::Content);
            }
        }
        // Empty lists and objects have two bytes.
        Some(b'[' | b'{') if value.len() > 2 => {
            tally.text(value.len() as u64);
            reading.irregular = true;
        }
        _ => {}
    }
}

fn member<'a>(object: &'a [u8], key: &[u8]) -> Option<&'a [u8]> {
    let mut found = None;
    each(object, |member| {
        if member.key == key && !is_null(member.value) {
            found = Some(member.value);
        }
    });
    found
}
