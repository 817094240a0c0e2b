//! `POST /v1/audio/speech`, `/transcriptions` and `/translations`

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};

use super::super::bill::Usage;
use super::super::call::{Authenticated, Prepared};
use super::super::frame::Frame;
use super::super::refusal::VendorError;
use super::super::sse::{self, quoted};
use super::super::text::{Words, fingerprint, mix, toy_tokens};
use super::bad;

/// Bytes of sound per character spoken.
const SOUND_PER_CHARACTER: usize = 16;

/// Bytes of an upload that count as one second of sound.
const BYTES_PER_SECOND: u64 = 16_000;

/// Bytes of an upload that count as one audio token.
const BYTES_PER_AUDIO_TOKEN: u64 = 1_600;

/// Words heard in any recording.
const WORDS_HEARD: u64 = 12;

pub(super) fn speak(call: &Authenticated<'_>) -> Result<Prepared, VendorError> {
    let input = call
        .json
        .get("input")
        .and_then(Value::as_str)
        .ok_or_else(|| bad("Missing required parameter: 'input'.", Some("input")))?;
    let sound = sound(call.model, input);
    let by_token = !call.model.starts_with("tts-1");
    let tokens = toy_tokens(input);
    let usage = Usage {
        characters: input.chars().count() as u64,
        uncached_input: if by_token { tokens } else { 0 },
        output: if by_token { tokens * 2 } else { 0 },
        ..Usage::default()
    };
    if call.json.get("stream_format").and_then(Value::as_str) != Some("sse") {
        return Ok(Prepared::whole("audio/mpeg", sound, usage));
    }
    let half = sound.len() / 2;
    let (head, tail) = (sound.slice(..half), sound.slice(half..));
    let delta =
        |bytes: &Bytes| sse::data(&json!({"type": "speech.audio.delta", "audio": STANDARD.encode(bytes)}).to_string());
    let told = json!({"type": "speech.audio.done", "usage": {"input_tokens": usage.uncached_input,
        "output_tokens": usage.output, "total_tokens": usage.uncached_input + usage.output}});
    let frames = vec![
        Frame::generated(delta(&head), usage.output / 2),
        Frame::generated(delta(&tail), usage.output - usage.output / 2),
        Frame::new(sse::data(&told.to_string())),
    ];
    Ok(Prepared::events(Box::new(frames.into_iter()), usage))
}

pub(super) fn transcribe(call: &Authenticated<'_>) -> Result<Prepared, VendorError> {
    hear(call, "transcribe")
}

pub(super) fn translate(call: &Authenticated<'_>) -> Result<Prepared, VendorError> {
    hear(call, "translate")
}

fn hear(call: &Authenticated<'_>, task: &str) -> Result<Prepared, VendorError> {
    if call.form.files("file") == 0 {
        return Err(bad("Missing required parameter: 'file'.", Some("file")));
    }
    let size = call.form.total_bytes();
    let seed = fingerprint(&[call.model.as_bytes(), &size.to_le_bytes()]);
    let text: String = Words::new(seed, WORDS_HEARD).collect();
    let seconds = size.div_ceil(BYTES_PER_SECOND);
    let by_duration = call.model.starts_with("whisper");
    let audio = if by_duration { 0 } else { size.div_ceil(BYTES_PER_AUDIO_TOKEN) };
    let hint = if by_duration { 0 } else { toy_tokens(&call.form.text("prompt").unwrap_or_default()) };
    let usage = Usage {
        uncached_input: audio + hint,
        audio_input: audio,
        output: if by_duration { 0 } else { WORDS_HEARD },
        audio_seconds: if by_duration { seconds } else { 0 },
        ..Usage::default()
    };
    let told = if by_duration {
        json!({"type": "duration", "seconds": seconds})
    } else {
        json!({"type": "tokens", "input_tokens": usage.uncached_input, "output_tokens": usage.output,
            "input_token_details": {"audio_tokens": audio, "text_tokens": hint},
            "total_tokens": usage.uncached_input + usage.output})
    };
    if call.form.text("stream").as_deref() == Some("true") && !by_duration {
        return Ok(transcript(seed, &told, usage));
    }
    let format = call.form.text("response_format").unwrap_or_else(|| "json".to_owned());
    Ok(match format.as_str() {
        "text" => Prepared::whole("text/plain; charset=utf-8", format!("{text}\n"), usage),
        "srt" => {
            Prepared::whole("text/plain; charset=utf-8", format!("1\n00:00:00,000 --> 00:00:01,000\n{text}\n"), usage)
        }
        "vtt" => {
            Prepared::whole("text/plain; charset=utf-8", format!("WEBVTT\n\n00:00.000 --> 00:01.000\n{text}\n"), usage)
        }
        "verbose_json" => Prepared::json(
            &json!({"task": task, "language": "english", "duration": seconds, "text": text, "segments": [], "usage": told}),
            usage,
        ),
        // Translations tell no usage.
        _ if task == "translate" => Prepared::json(&json!({"text": text}), usage),
        _ => Prepared::json(&json!({"text": text, "usage": told}), usage),
    })
}

fn transcript(seed: u64, told: &Value, usage: Usage) -> Prepared {
    let text: String = Words::new(seed, WORDS_HEARD).collect();
    let done = json!({"type": "transcript.text.done", "text": text, "usage": told});
    let deltas = Words::new(seed, WORDS_HEARD).map(|word| {
        let event = format!("{{\"type\":\"transcript.text.delta\",\"delta\":{}}}", quoted(word));
        Frame::generated(sse::data(&event), 1)
    });
    Prepared::events(Box::new(deltas.chain(std::iter::once(Frame::new(sse::data(&done.to_string()))))), usage)
}

/// Bytes that look like nothing but depend on the text alone.
fn sound(model: &str, input: &str) -> Bytes {
    let seed = fingerprint(&[model.as_bytes(), input.as_bytes()]);
    let mut bytes = b"ID3\x04\0\0\0\0\0\0".to_vec();
    let wanted = bytes.len() + input.chars().count() * SOUND_PER_CHARACTER;
    let mut position = 0;
    while bytes.len() < wanted {
        bytes.extend_from_slice(&mix(seed ^ position).to_le_bytes());
        position += 1;
    }
    bytes.truncate(wanted);
    Bytes::from(bytes)
}
