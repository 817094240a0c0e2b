//! Anthropic's `messages`.

use serde_json::{Value, json};

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
