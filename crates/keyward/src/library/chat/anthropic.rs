//! Anthropic's `messages`.

use serde_json::{Value, json};

use super::stream::Piece;
use super::{ChatRequest, Said};

/// The API wants a limit; this is what is set when the caller set none, in tokens.
const USUAL_MAX_TOKENS: u32 = 4_096;

pub(super) fn request(request: &ChatRequest) -> (String, Value) {
    let said = request.messages.iter().map(|said| json!({ "role": said.role.as_str(), "content": said.text }));
    let mut body = json!({
        "model": request.model,
        "max_tokens": request.max_tokens.unwrap_or(USUAL_MAX_TOKENS),
        "messages": said.collect::<Vec<_>>(),
    });
    if let Some(system) = &request.system {
        body["system"] = json!(system);
    }
    if let Some(temperature) = request.temperature {
        body["temperature"] = json!(temperature);
    }
    ("/v1/messages".to_owned(), body)
}

/// What was said, all blocks of text together; `None` when this is no such answer.
pub(super) fn read(body: &Value) -> Option<Said> {
    let blocks = body["content"].as_array()?;
    let text = blocks.iter().filter(|block| block["type"] == "text").filter_map(|block| block["text"].as_str());
    Some(Said { text: text.collect(), finish: body["stop_reason"].as_str().unwrap_or_default().to_owned() })
}

/// The same request, with its answer piece by piece.
pub(super) fn streamed((path, mut body): (String, Value)) -> (String, Value) {
    body["stream"] = json!(true);
    (path, body)
}

/// What one event of a stream adds. Usage comes in two parts, at the beginning and at the end.
pub(super) fn piece(event: &Value) -> Piece {
    let delta = &event["delta"];
    let text = if delta["type"] == "text_delta" { delta["text"].as_str() } else { None };
    Piece {
        text: text.unwrap_or_default().to_owned(),
        finish: delta["stop_reason"].as_str().map(str::to_owned),
        usage: event.pointer("/message/usage").or_else(|| event.get("usage")).cloned(),
    }
}
