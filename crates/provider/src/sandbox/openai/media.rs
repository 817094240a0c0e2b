//! Pictures, speech and judgements.

use bytes::Bytes;
use http::StatusCode;
use keyward_domain::dialect::Dialect;
use serde_json::{Value, json};

use super::{form, missing, string};
use crate::sandbox::ask::{tokens_in, tokens_of};
use crate::sandbox::fault::{refusal, wanted};
use crate::sandbox::knobs::Knobs;
use crate::sandbox::reply::Text;
use crate::sandbox::script::{Scripted, StreamParts, data};
use crate::sandbox::{CREATED, MISSING_MODEL, Request};

/// A PNG of one transparent pixel.
const PIXEL: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
/// Tokens of a picture drawn, and of one seen.
const PICTURE_TOKENS: u64 = 1_056;
const SEEN_TOKENS: u64 = 256;
const MAX_PICTURES: u64 = 10;
/// A tenth of a second of silence: 8,000 samples a second, 8 bits, mono.
const SAMPLES: u32 = 800;
/// Bytes of a second of sound, for the length of a recording: what 16,000 samples of 16 bits take.
const BYTES_PER_SECOND: usize = 32_000;
const HEARD: &str = "This is what the sandbox heard.";

pub(super) fn draw(_: &Request<'_>, asked: &Value, knobs: &Knobs) -> Scripted {
    let count = asked.get("n").and_then(Value::as_u64).unwrap_or(1);
    pictures(count, tokens_of(&string(asked, "prompt")), 0, knobs)
}

pub(super) fn edit(request: &Request<'_>) -> Scripted {
    let prompt = form::text(request.headers, request.body, "prompt");
    with_form(request, "image", &prompt, |knobs, _| {
        let count = form::text(request.headers, request.body, "n").parse().unwrap_or(1);
        pictures(count, tokens_of(&prompt), SEEN_TOKENS, knobs)
    })
}

fn pictures(count: u64, text: u64, seen: u64, knobs: &Knobs) -> Scripted {
    let count = count.clamp(1, MAX_PICTURES);
    let drawn: Vec<Value> = (0..count).map(|_| json!({"b64_json": PIXEL})).collect();
    let (input, output) = (text.max(1).saturating_add(seen), count * PICTURE_TOKENS);
    let mut answer = json!({"created": CREATED, "data": drawn, "size": "1024x1024", "quality": "low", "output_format": "png", "background": "transparent"});
    if let (false, Value::Object(fields)) = (knobs.no_usage, &mut answer) {
        let used = json!({
            "input_tokens": input, "input_tokens_details": {"text_tokens": text.max(1), "image_tokens": seen},
            "output_tokens": output, "output_tokens_details": {"text_tokens": 0, "image_tokens": output},
            "total_tokens": input.saturating_add(output),
        });
        fields.insert("usage".to_owned(), used);
    }
    Scripted::good(knobs, &answer)
}

/// A short silence, in the one format that needs no encoder.
pub(super) fn speak(_: &Request<'_>, asked: &Value, knobs: &Knobs) -> Scripted {
    if string(asked, "input").is_empty() {
        return refusal(Dialect::OpenAi, 400, None, "you must provide an input to speak");
    }
    let scripted = Scripted::whole(StatusCode::OK, "audio/wav", Bytes::from(silence()));
    Scripted { first_delay_ms: knobs.ttft_ms.unwrap_or(0), ..scripted }
}

fn silence() -> Vec<u8> {
    let mut wav = Vec::with_capacity(44 + SAMPLES as usize);
    wav.extend_from_slice(b"RIFF");
    wav.extend_from_slice(&(36 + SAMPLES).to_le_bytes());
    wav.extend_from_slice(b"WAVEfmt ");
    wav.extend_from_slice(&16_u32.to_le_bytes());
    wav.extend_from_slice(&1_u16.to_le_bytes());
    wav.extend_from_slice(&1_u16.to_le_bytes());
    wav.extend_from_slice(&8_000_u32.to_le_bytes());
    wav.extend_from_slice(&8_000_u32.to_le_bytes());
    wav.extend_from_slice(&1_u16.to_le_bytes());
    wav.extend_from_slice(&8_u16.to_le_bytes());
    wav.extend_from_slice(b"data");
    wav.extend_from_slice(&SAMPLES.to_le_bytes());
    // Unsigned samples: silence is in the middle.
    wav.extend(std::iter::repeat_n(0x80_u8, SAMPLES as usize));
    wav
}

pub(super) fn hear(request: &Request<'_>) -> Scripted {
    let prompt = form::text(request.headers, request.body, "prompt");
    with_form(request, "file", &prompt, |knobs, recording| {
        let seconds = u64::try_from(recording.len().div_ceil(BYTES_PER_SECOND)).unwrap_or(u64::MAX).max(1);
        let used = json!({"type": "duration", "seconds": seconds});
        if form::text(request.headers, request.body, "stream") == "true" {
            return transcript_stream(knobs, used);
        }
        match form::text(request.headers, request.body, "response_format").as_str() {
            "text" => Scripted::whole(StatusCode::OK, "text/plain; charset=utf-8", Bytes::from(format!("{HEARD}\n"))),
            "srt" => Scripted::whole(
                StatusCode::OK,
                "text/plain; charset=utf-8",
                Bytes::from(format!("1\n00:00:00,000 --> 00:00:01,000\n{HEARD}\n\n")),
            ),
            "vtt" => Scripted::whole(
                StatusCode::OK,
                "text/plain; charset=utf-8",
                Bytes::from(format!("WEBVTT\n\n00:00:00.000 --> 00:00:01.000\n{HEARD}\n\n")),
            ),
            "verbose_json" => {
                let segment = json!({"id": 0, "seek": 0, "start": 0.0, "end": seconds, "text": HEARD, "tokens": [], "temperature": 0.0, "avg_logprob": 0.0, "compression_ratio": 1.0, "no_speech_prob": 0.0});
                Scripted::good(
                    knobs,
                    &json!({"task": "transcribe", "language": "english", "duration": seconds, "text": HEARD, "segments": [segment], "usage": used}),
                )
            }
            _ if knobs.no_usage => Scripted::good(knobs, &json!({"text": HEARD})),
            _ => Scripted::good(knobs, &json!({"text": HEARD, "usage": used})),
        }
    })
}

fn transcript_stream(knobs: &Knobs, used: Value) -> Scripted {
    let mut done = json!({"type": "transcript.text.done", "text": HEARD});
    if let (false, Value::Object(fields)) = (knobs.no_usage, &mut done) {
        fields.insert("usage".to_owned(), used);
    }
    let pieces = Text::Given(HEARD.to_owned()).pieces();
    let parts = StreamParts {
        before: Vec::new(),
        text: Box::new(pieces.map(|piece| data(&json!({"type": "transcript.text.delta", "delta": piece})))),
        after: vec![data(&done), Bytes::from_static(b"data: [DONE]\n\n")],
        failure: data(&super::failure()),
    };
    Scripted::stream(knobs, "text/event-stream; charset=utf-8", parts)
}

/// What every upload begins with: the model, the file, the knobs, a fault if one is wanted.
fn with_form(
    request: &Request<'_>,
    file: &str,
    prompt: &str,
    operation: impl Fn(&Knobs, &[u8]) -> Scripted,
) -> Scripted {
    let model = form::text(request.headers, request.body, "model");
    if model == MISSING_MODEL {
        return missing(&model);
    }
    let list = format!("{file}[]");
    let upload = [file, list.as_str()].into_iter().find_map(|name| form::field(request.headers, request.body, name));
    let knobs = request.knobs(&model, prompt);
    match (wanted(Dialect::OpenAi, &knobs), upload) {
        (Some(refused), _) => refused,
        (None, Some(upload)) => operation(&knobs, upload),
        (None, None) => refusal(Dialect::OpenAi, 400, None, &format!("you must upload a file as `{file}`")),
    }
}

/// Flags what contains the word "flagged", so that both answers can be seen.
pub(super) fn moderate(request: &Request<'_>, asked: &Value, knobs: &Knobs) -> Scripted {
    const CATEGORIES: [&str; 13] = [
        "harassment",
        "harassment/threatening",
        "hate",
        "hate/threatening",
        "illicit",
        "illicit/violent",
        "self-harm",
        "self-harm/instructions",
        "self-harm/intent",
        "sexual",
        "sexual/minors",
        "violence",
        "violence/graphic",
    ];
    let inputs = match asked.get("input") {
        Some(Value::Array(items)) => items.clone(),
        Some(one) => vec![one.clone()],
        None => Vec::new(),
    };
    let results: Vec<Value> = inputs
        .iter()
        .map(|input| {
            let flagged = tokens_in(input) > 0 && input.to_string().contains("flagged");
            let each = |value: &dyn Fn(&str) -> Value| CATEGORIES.iter().map(|name| ((*name).to_owned(), value(name))).collect::<serde_json::Map<_, _>>();
            json!({
                "flagged": flagged,
                "categories": each(&|name| json!(flagged && name == "harassment")),
                "category_scores": each(&|name| if flagged && name == "harassment" { json!(0.99) } else { json!(0.001) }),
                "category_applied_input_types": each(&|_| json!(["text"])),
            })
        })
        .collect();
    Scripted::good(
        knobs,
        &json!({"id": format!("modr-{}", request.id()), "model": string(asked, "model"), "results": results}),
    )
}
