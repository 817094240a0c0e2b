//! `POST /v1/messages` and `/v1/messages/count_tokens`

use serde_json::{Value, json};

use super::super::answer::Answer;
use super::super::bill::Usage;
use super::super::call::{Authenticated, Prepared};
use super::super::fault::UsageShape;
use super::super::refusal::VendorError;
use super::super::text::base62;
use super::{reading, stream, told};

pub(super) fn message(call: &Authenticated<'_>) -> Result<Prepared, VendorError> {
    let ask = reading::message(call.model, call.json, false)?;
    let answer = Answer::compose(&ask, call.fault);
    let prompt = call.shared.write(|state| state.cache.explicit(call.key, call.model, &ask.prompt));
    let usage = Usage { output: answer.output_tokens(), reasoning: answer.reasoning, ..prompt };
    if ask.stream {
        return Ok(Prepared::events(stream::frames(&answer, call.model, call.fault.usage, usage), usage));
    }
    let mut body = json!({
        "id": answer.id("msg_"), "type": "message", "role": "assistant", "model": call.model,
        "content": blocks(&answer), "stop_reason": stop_reason(&answer), "stop_sequence": null,
    });
    if let (Some(fields), true) = (body.as_object_mut(), call.fault.usage != UsageShape::Absent) {
        fields.insert("usage".to_owned(), told(&usage));
    }
    Ok(Prepared::json(&body, usage))
}

pub(super) fn count(call: &Authenticated<'_>) -> Result<Prepared, VendorError> {
    let ask = reading::message(call.model, call.json, true)?;
    Ok(Prepared::json(&json!({"input_tokens": ask.prompt.tokens()}), Usage::default()))
}

pub(super) fn stop_reason(answer: &Answer) -> &'static str {
    match (answer.calls().is_empty(), answer.cut_by_cap) {
        (false, _) => "tool_use",
        (true, true) => "max_tokens",
        (true, false) => "end_turn",
    }
}

/// What seals a thought; opaque to clients.
pub(super) fn signature(answer: &Answer) -> String {
    base62(!answer.seed, 64)
}

fn blocks(answer: &Answer) -> Vec<Value> {
    let mut blocks = Vec::new();
    if answer.reasoning > 0 {
        blocks.push(json!({"type": "thinking", "thinking": answer.thoughts(), "signature": signature(answer)}));
    }
    for call in answer.calls() {
        let input: Value = serde_json::from_str(&call.arguments).unwrap_or_else(|_| json!({}));
        blocks.push(json!({"type": "tool_use", "id": format!("toolu_{}", call.id), "name": call.name, "input": input}));
    }
    let text = answer.text();
    if answer.calls().is_empty() && !text.is_empty() {
        blocks.push(json!({"type": "text", "text": text, "citations": null}));
    }
    blocks
}
