//! Event-stream framing.

use bytes::Bytes;
use serde_json::Value;

/// An event without a name (OpenAI chat, Gemini).
pub(crate) fn data(json: &str) -> Bytes {
    Bytes::from(format!("data: {json}\n\n"))
}

/// A named event (Anthropic, OpenAI Responses).
pub(crate) fn named(name: &str, json: &str) -> Bytes {
    Bytes::from(format!("event: {name}\ndata: {json}\n\n"))
}

/// A text as a JSON string, quotes included.
pub(crate) fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}
