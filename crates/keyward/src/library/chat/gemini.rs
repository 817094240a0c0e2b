//! Gemini's `generateContent`.

use serde_json::{Map, Value, json};

use super::stream::Piece;
use super::{ChatRequest, Role, Said};
use crate::library::Error;

pub(super) fn request(request: &ChatRequest) -> Result<(String, Value), Error> {
    let said = request.messages.iter().map(|said| {
        let role = match said.role {
            Role::User => "user",
            Role::Assistant => "model",
        };
        json!({ "role": role, "parts": [{ "text": said.text }] })
    });
    let mut body = json!({ "contents": said.collect::<Vec<_>>() });
    if let Some(system) = &request.system {
        body["systemInstruction"] = json!({ "parts": [{ "text": system }] });
    }
    let mut config = Map::new();
    if let Some(tokens) = request.max_tokens {
        config.insert("maxOutputTokens".to_owned(), json!(tokens));
    }
    if let Some(temperature) = request.temperature {
        config.insert("temperature".to_owned(), json!(temperature));
    }
    if !config.is_empty() {
        body["generationConfig"] = Value::Object(config);
    }
    Ok((path(&request.model)?, body))
}

/// The model is part of the path here, so it must not be able to leave it.
fn path(model: &str) -> Result<String, Error> {
    let is_plain = !model.is_empty()
        && !model.contains("..")
        && model.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._/@".contains(&byte));
    let refused = || Error::Refused {
        code: "invalid_request".to_owned(),
        message: "the model's name holds characters that no name of this provider has".to_owned(),
    };
    if is_plain { Ok(format!("/v1beta/models/{model}:generateContent")) } else { Err(refused()) }
}

/// What was said, all parts of text but thoughts together; `None` when this is no such answer.
pub(super) fn read(body: &Value) -> Option<Said> {
    let candidate = body.pointer("/candidates/0")?;
    let parts = candidate.pointer("/content/parts").and_then(Value::as_array);
    let spoken = parts.into_iter().flatten().filter(|part| part["thought"] != true);
    let text = spoken.filter_map(|part| part["text"].as_str()).collect();
    Some(Said { text, finish: candidate["finishReason"].as_str().unwrap_or_default().to_owned() })
}

/// The same request, with its answer piece by piece.
pub(super) fn streamed((path, body): (String, Value)) -> (String, Value) {
    (path.replace(":generateContent", ":streamGenerateContent?alt=sse"), body)
}

/// What one event of a stream adds.
pub(super) fn piece(event: &Value) -> Piece {
    let said = read(event);
    let (text, finish) = said.map_or_else(Default::default, |said| (said.text, said.finish));
    Piece { text, finish: Some(finish).filter(|finish| !finish.is_empty()), usage: event.get("usageMetadata").cloned() }
}
