//! OpenAI's `chat/completions`, and of everybody who copies it.

use serde_json::{Value, json};

use super::stream::Piece;
use super::{ChatRequest, Said};

pub(super) fn request(request: &ChatRequest) -> (String, Value) {
    let system = request.system.iter().map(|text| json!({ "role": "system", "content": text }));
    let said = request.messages.iter().map(|said| json!({ "role": said.role.as_str(), "content": said.text }));
    let mut body = json!({ "model": request.model, "messages": system.chain(said).collect::<Vec<_>>() });
    if let Some(tokens) = request.max_tokens {
        // The older name: OpenAI-compatible servers know it, OpenAI's own models but the reasoning ones do too.
        body["max_tokens"] = json!(tokens);
    }
    if let Some(temperature) = request.temperature {
        body["temperature"] = json!(temperature);
    }
    ("/v1/chat/completions".to_owned(), body)
}

/// What was said; `None` when this is no such answer.
pub(super) fn read(body: &Value) -> Option<Said> {
    let choice = body.pointer("/choices/0")?;
    let text = |at: &str| choice.pointer(at).and_then(Value::as_str).unwrap_or_default().to_owned();
    Some(Said { text: text("/message/content"), finish: text("/finish_reason") })
}

/// The same request, with its answer piece by piece.
pub(super) fn streamed((path, mut body): (String, Value)) -> (String, Value) {
    body["stream"] = json!(true);
    body["stream_options"] = json!({ "include_usage": true });
    (path, body)
}

/// What one event of a stream adds.
pub(super) fn piece(event: &Value) -> Piece {
    let choice = &event["choices"][0];
    Piece {
        text: choice.pointer("/delta/content").and_then(Value::as_str).unwrap_or_default().to_owned(),
        finish: choice["finish_reason"].as_str().map(str::to_owned),
        usage: event.get("usage").cloned(),
    }
}
