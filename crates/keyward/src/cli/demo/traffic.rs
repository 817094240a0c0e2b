//! The demo's sample traffic: every surface once or more, and one call that is refused.

use keyward_domain::dialect::Dialect;
use serde_json::{Value, json};

use crate::cli::data_plane::Call;

/// One sort of call.
pub struct Sample {
    /// What people call it.
    pub name: &'static str,
    /// Whose wire format.
    pub dialect: Dialect,
    /// How often it is made.
    pub times: usize,
    /// The status that it has to come back with.
    pub expected: u16,
    /// Whether it goes to the provider and leaves a row in the ledger.
    pub metered: bool,
    /// The call, without a key.
    call: fn(model: &str) -> Call,
}

/// How often chats are repeated, so that percentiles mean something.
const OFTEN: usize = 20;
const SOMETIMES: usize = 5;

/// All samples, in the order in which the summary shows them.
pub static SAMPLES: [Sample; 19] = [
    metered("chat", Dialect::OpenAi, OFTEN, chat),
    metered("chat, streamed", Dialect::OpenAi, OFTEN, chat_stream),
    metered("responses", Dialect::OpenAi, SOMETIMES, responses),
    metered("completions", Dialect::OpenAi, SOMETIMES, completions),
    metered("embeddings", Dialect::OpenAi, SOMETIMES, embeddings),
    metered("images", Dialect::OpenAi, SOMETIMES, images),
    metered("speech", Dialect::OpenAi, SOMETIMES, speech),
    metered("transcription", Dialect::OpenAi, SOMETIMES, transcription),
    metered("moderations", Dialect::OpenAi, SOMETIMES, moderations),
    listing("models", Dialect::OpenAi, openai_models),
    metered("messages", Dialect::Anthropic, OFTEN, messages),
    metered("messages, streamed", Dialect::Anthropic, OFTEN, messages_stream),
    metered("count tokens", Dialect::Anthropic, SOMETIMES, count_tokens),
    listing("models", Dialect::Anthropic, openai_models),
    metered("generate", Dialect::Gemini, OFTEN, generate),
    metered("generate, streamed", Dialect::Gemini, OFTEN, generate_stream),
    metered("count tokens", Dialect::Gemini, SOMETIMES, gemini_count),
    metered("embed", Dialect::Gemini, SOMETIMES, gemini_embed),
    listing("models", Dialect::Gemini, gemini_models),
];

/// A call with a key that nobody knows: it has to be refused before anything is sent.
pub static REFUSED: Sample = Sample {
    name: "chat with a wrong key",
    dialect: Dialect::OpenAi,
    times: 1,
    expected: 401,
    metered: false,
    call: chat,
};
/// Of no form that a key has.
pub const WRONG_KEY: &str = "not-a-key";

const fn metered(name: &'static str, dialect: Dialect, times: usize, call: fn(&str) -> Call) -> Sample {
    Sample { name, dialect, times, expected: 200, metered: true, call }
}

/// Answered from what is known; no provider is asked.
const fn listing(name: &'static str, dialect: Dialect, call: fn(&str) -> Call) -> Sample {
    Sample { name, dialect, times: 1, expected: 200, metered: false, call }
}

impl Sample {
    /// The call, with the key where this dialect's SDK puts it.
    pub fn with_key(&self, model: &str, key: &str) -> Call {
        let mut call = (self.call)(model);
        call.headers.push(match self.dialect {
            Dialect::OpenAi => ("authorization", format!("Bearer {key}")),
            Dialect::Anthropic => ("x-api-key", key.to_owned()),
            Dialect::Gemini => ("x-goog-api-key", key.to_owned()),
        });
        if self.dialect == Dialect::Anthropic {
            call.headers.push(("anthropic-version", "2023-06-01".to_owned()));
        }
        call
    }
}

/// The vendor whose SDK speaks this dialect.
pub const fn vendor(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::OpenAi => "OpenAI",
        Dialect::Anthropic => "Anthropic",
        Dialect::Gemini => "Gemini",
    }
}

const QUESTION: &str = "Say hello to the person who started this demo.";

fn chat(model: &str) -> Call {
    let messages = json!([{ "role": "user", "content": QUESTION }]);
    post("/v1/chat/completions", &json!({ "model": model, "messages": messages }))
}

fn chat_stream(model: &str) -> Call {
    let messages = json!([{ "role": "user", "content": QUESTION }]);
    post("/v1/chat/completions", &json!({ "model": model, "stream": true, "messages": messages }))
}

fn responses(model: &str) -> Call {
    post("/v1/responses", &json!({ "model": model, "input": QUESTION }))
}

fn completions(model: &str) -> Call {
    post("/v1/completions", &json!({ "model": model, "prompt": QUESTION, "max_tokens": 64 }))
}

fn embeddings(_: &str) -> Call {
    post("/v1/embeddings", &json!({ "model": "sandbox-embed", "input": QUESTION }))
}

fn images(_: &str) -> Call {
    post("/v1/images/generations", &json!({ "model": "sandbox-image", "prompt": QUESTION }))
}

fn speech(_: &str) -> Call {
    let body = json!({ "model": "sandbox-speech", "voice": "alloy", "response_format": "wav", "input": QUESTION });
    post("/v1/audio/speech", &body)
}

fn transcription(_: &str) -> Call {
    let mut body = format!(
        "--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\nsandbox-audio\r\n\
         --{BOUNDARY}\r\ncontent-disposition: form-data; name=\"file\"; filename=\"silence.wav\"\r\n\
         content-type: audio/wav\r\n\r\n"
    )
    .into_bytes();
    body.extend(silence());
    body.extend(format!("\r\n--{BOUNDARY}--\r\n").into_bytes());
    upload("/v1/audio/transcriptions", MULTIPART, body)
}

fn moderations(_: &str) -> Call {
    post("/v1/moderations", &json!({ "model": "sandbox-moderation", "input": QUESTION }))
}

fn openai_models(_: &str) -> Call {
    get("/v1/models")
}

fn messages(model: &str) -> Call {
    let messages = json!([{ "role": "user", "content": QUESTION }]);
    post("/v1/messages", &json!({ "model": model, "max_tokens": 64, "messages": messages }))
}

fn messages_stream(model: &str) -> Call {
    let messages = json!([{ "role": "user", "content": QUESTION }]);
    post("/v1/messages", &json!({ "model": model, "max_tokens": 64, "stream": true, "messages": messages }))
}

fn count_tokens(model: &str) -> Call {
    let messages = json!([{ "role": "user", "content": QUESTION }]);
    post("/v1/messages/count_tokens", &json!({ "model": model, "messages": messages }))
}

fn generate(model: &str) -> Call {
    post(&format!("/v1beta/models/{model}:generateContent"), &gemini_contents())
}

fn generate_stream(model: &str) -> Call {
    post(&format!("/v1beta/models/{model}:streamGenerateContent?alt=sse"), &gemini_contents())
}

fn gemini_count(model: &str) -> Call {
    post(&format!("/v1beta/models/{model}:countTokens"), &gemini_contents())
}

fn gemini_embed(_: &str) -> Call {
    post("/v1beta/models/sandbox-embed:embedContent", &json!({ "content": { "parts": [{ "text": QUESTION }] } }))
}

fn gemini_models(_: &str) -> Call {
    get("/v1beta/models")
}

fn gemini_contents() -> Value {
    json!({ "contents": [{ "role": "user", "parts": [{ "text": QUESTION }] }] })
}

fn get(path: &str) -> Call {
    Call { method: "GET", path: path.to_owned(), headers: Vec::new(), content_type: JSON, body: Vec::new() }
}

fn post(path: &str, body: &Value) -> Call {
    upload(path, JSON, body.to_string().into_bytes())
}

fn upload(path: &str, content_type: &'static str, body: Vec<u8>) -> Call {
    Call { method: "POST", content_type, body, ..get(path) }
}

const JSON: &str = "application/json";
/// Divides the parts of an upload; nothing in them looks like it.
const BOUNDARY: &str = "keyward-demo-boundary";
/// [`BOUNDARY`] as the header says it.
const MULTIPART: &str = "multipart/form-data; boundary=keyward-demo-boundary";

/// A tenth of a second of silence as a WAV file: 8,000 samples a second, 8 bits, mono.
fn silence() -> Vec<u8> {
    const SAMPLES: u32 = 800;
    const RATE: u32 = 8_000;
    let mut wav = b"RIFF".to_vec();
    wav.extend((36 + SAMPLES).to_le_bytes());
    wav.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    wav.extend(RATE.to_le_bytes());
    wav.extend(RATE.to_le_bytes());
    wav.extend(b"\x01\0\x08\0data");
    wav.extend(SAMPLES.to_le_bytes());
    // Unsigned samples: silence is in the middle.
    wav.extend((0..SAMPLES).map(|_| 0x80_u8));
    wav
}
