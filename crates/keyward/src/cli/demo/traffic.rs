//! The demo's sample traffic: every surface once or more, and one call that is refused.

use keyward_domain::dialect::Dialect;
use serde_json::json;

use super::client::Call;

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
    /// Method, path and body.
    pub call: fn(model: &str) -> (&'static str, String, String),
}

/// How often chats are repeated, so that percentiles mean something.
const OFTEN: usize = 20;
const SOMETIMES: usize = 5;

/// All samples, in the order in which the summary shows them.
pub static SAMPLES: [Sample; 12] = [
    Sample { name: "chat", dialect: Dialect::OpenAi, times: OFTEN, expected: 200, metered: true, call: chat },
    Sample {
        name: "chat, streamed",
        dialect: Dialect::OpenAi,
        times: OFTEN,
        expected: 200,
        metered: true,
        call: chat_stream,
    },
    Sample {
        name: "responses",
        dialect: Dialect::OpenAi,
        times: SOMETIMES,
        expected: 200,
        metered: true,
        call: responses,
    },
    Sample {
        name: "embeddings",
        dialect: Dialect::OpenAi,
        times: SOMETIMES,
        expected: 200,
        metered: true,
        call: embeddings,
    },
    Sample { name: "models", dialect: Dialect::OpenAi, times: 1, expected: 200, metered: false, call: openai_models },
    Sample {
        name: "messages",
        dialect: Dialect::Anthropic,
        times: OFTEN,
        expected: 200,
        metered: true,
        call: messages,
    },
    Sample {
        name: "messages, streamed",
        dialect: Dialect::Anthropic,
        times: OFTEN,
        expected: 200,
        metered: true,
        call: messages_stream,
    },
    Sample {
        name: "count tokens",
        dialect: Dialect::Anthropic,
        times: SOMETIMES,
        expected: 200,
        metered: true,
        call: count_tokens,
    },
    Sample {
        name: "models",
        dialect: Dialect::Anthropic,
        times: 1,
        expected: 200,
        metered: false,
        call: openai_models,
    },
    Sample { name: "generate", dialect: Dialect::Gemini, times: OFTEN, expected: 200, metered: true, call: generate },
    Sample {
        name: "generate, streamed",
        dialect: Dialect::Gemini,
        times: OFTEN,
        expected: 200,
        metered: true,
        call: generate_stream,
    },
    Sample { name: "models", dialect: Dialect::Gemini, times: 1, expected: 200, metered: false, call: gemini_models },
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

impl Sample {
    /// The call, with the key where this dialect's SDK puts it.
    pub fn with_key(&self, model: &str, key: &str) -> Call {
        let (method, path, body) = (self.call)(model);
        let mut headers = vec![match self.dialect {
            Dialect::OpenAi => ("authorization", format!("Bearer {key}")),
            Dialect::Anthropic => ("x-api-key", key.to_owned()),
            Dialect::Gemini => ("x-goog-api-key", key.to_owned()),
        }];
        if self.dialect == Dialect::Anthropic {
            headers.push(("anthropic-version", "2023-06-01".to_owned()));
        }
        Call { method, path, headers, body }
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

fn chat(model: &str) -> (&'static str, String, String) {
    let body = json!({ "model": model, "messages": [{ "role": "user", "content": QUESTION }] });
    ("POST", "/v1/chat/completions".to_owned(), body.to_string())
}

fn chat_stream(model: &str) -> (&'static str, String, String) {
    let body = json!({ "model": model, "stream": true, "messages": [{ "role": "user", "content": QUESTION }] });
    ("POST", "/v1/chat/completions".to_owned(), body.to_string())
}

fn responses(model: &str) -> (&'static str, String, String) {
    ("POST", "/v1/responses".to_owned(), json!({ "model": model, "input": QUESTION }).to_string())
}

fn embeddings(_: &str) -> (&'static str, String, String) {
    ("POST", "/v1/embeddings".to_owned(), json!({ "model": "sandbox-embed", "input": QUESTION }).to_string())
}

fn openai_models(_: &str) -> (&'static str, String, String) {
    ("GET", "/v1/models".to_owned(), String::new())
}

fn messages(model: &str) -> (&'static str, String, String) {
    let body = json!({ "model": model, "max_tokens": 64, "messages": [{ "role": "user", "content": QUESTION }] });
    ("POST", "/v1/messages".to_owned(), body.to_string())
}

fn messages_stream(model: &str) -> (&'static str, String, String) {
    let messages = json!([{ "role": "user", "content": QUESTION }]);
    let body = json!({ "model": model, "max_tokens": 64, "stream": true, "messages": messages });
    ("POST", "/v1/messages".to_owned(), body.to_string())
}

fn count_tokens(model: &str) -> (&'static str, String, String) {
    let body = json!({ "model": model, "messages": [{ "role": "user", "content": QUESTION }] });
    ("POST", "/v1/messages/count_tokens".to_owned(), body.to_string())
}

fn generate(model: &str) -> (&'static str, String, String) {
    ("POST", format!("/v1beta/models/{model}:generateContent"), gemini_body())
}

fn generate_stream(model: &str) -> (&'static str, String, String) {
    ("POST", format!("/v1beta/models/{model}:streamGenerateContent?alt=sse"), gemini_body())
}

fn gemini_models(_: &str) -> (&'static str, String, String) {
    ("GET", "/v1beta/models".to_owned(), String::new())
}

fn gemini_body() -> String {
    json!({ "contents": [{ "role": "user", "parts": [{ "text": QUESTION }] }] }).to_string()
}
