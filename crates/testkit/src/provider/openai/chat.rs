//! Chat completions and their legacy sibling.

use serde_json::{Value, json};

use super::super::answer::{Answer, Ask};
use super::super::bill::Usage;
use super::super::call::{Authenticated, Prepared};
use super::super::fault::UsageShape;
use super::super::frame::{Frame, Frames};
use super::super::refusal::VendorError;
use super::super::sse::quoted;
use super::super::text::token_pieces;
use super::super::text::toy_tokens;
use super::chunk::Chunks;
use super::{CREATED, chat_usage, reading};

/// `POST /v1/chat/completions`
pub(super) fn chat(call: &Authenticated<'_>) -> Result<Prepared, VendorError> {
    let ask = reading::chat(call.model, call.json)?;
    let answer = Answer::compose(&ask, call.fault);
    let usage = usage(call, &ask, &answer);
    let id = answer.id("chatcmpl-");
    if !ask.stream {
        return Ok(Prepared::json(&chat_object(&id, call, &answer, &usage), usage));
    }
    let chunks = Chunks::new(&id, "chat.completion.chunk", call.model, asked(call), call.fault.usage, usage);
    Ok(Prepared::events(chat_frames(&answer, chunks), usage))
}

/// `POST /v1/completions`
pub(super) fn complete(call: &Authenticated<'_>) -> Result<Prepared, VendorError> {
    let ask = reading::completion(call.model, call.json)?;
    let answer = Answer::compose(&ask, call.fault);
    let usage = usage(call, &ask, &answer);
    let id = answer.id("cmpl-");
    let reason = if answer.cut_by_cap { "length" } else { "stop" };
    if !ask.stream {
        let mut body = json!({
            "id": id, "object": "text_completion", "created": CREATED, "model": call.model,
            "choices": [{"text": answer.text(), "index": 0, "logprobs": null, "finish_reason": reason}],
        });
        add_usage(&mut body, call.fault.usage, &usage);
        return Ok(Prepared::json(&body, usage));
    }
    let chunks = Chunks::new(&id, "text_completion", call.model, asked(call), call.fault.usage, usage);
    let opening: Vec<Frame> = chunks.early().into_iter().map(Frame::new).collect();
    let mut closing = vec![Frame::new(
        chunks.finish(&format!("{{\"text\":\"\",\"index\":0,\"logprobs\":null,\"finish_reason\":\"{reason}\"}}")),
    )];
    closing.extend(chunks.closing().into_iter().map(Frame::new));
    let mut generated = 0;
    let words = answer.pieces().map(move |piece| {
        generated += piece.tokens;
        let choice =
            format!("{{\"text\":{},\"index\":0,\"logprobs\":null,\"finish_reason\":null}}", quoted(&piece.text));
        Frame::generated(chunks.choice(&choice, generated), piece.tokens)
    });
    Ok(Prepared::events(Box::new(opening.into_iter().chain(words).chain(closing)), usage))
}

fn usage(call: &Authenticated<'_>, ask: &Ask, answer: &Answer) -> Usage {
    let prompt = call.shared.write(|state| state.cache.implicit(call.key, call.model, &ask.prompt));
    Usage { output: answer.output_tokens(), reasoning: answer.reasoning, ..prompt }
}

fn asked(call: &Authenticated<'_>) -> bool {
    call.json.pointer("/stream_options/include_usage").and_then(Value::as_bool).unwrap_or(false)
}

fn add_usage(body: &mut Value, shape: UsageShape, usage: &Usage) {
    let Some(fields) = body.as_object_mut() else { return };
    match shape {
        UsageShape::Absent => None,
        UsageShape::Nested => fields.insert("response".to_owned(), json!({"usage": chat_usage(usage)})),
        _ => fields.insert("usage".to_owned(), chat_usage(usage)),
    };
}

fn chat_object(id: &str, call: &Authenticated<'_>, answer: &Answer, usage: &Usage) -> Value {
    let calls: Vec<Value> = answer
        .calls()
        .iter()
        .map(|call| {
            json!({"id": format!("call_{}", call.id), "type": "function",
                "function": {"name": call.name, "arguments": call.arguments}})
        })
        .collect();
    let message = if calls.is_empty() {
        json!({"role": "assistant", "content": answer.text(), "refusal": null, "annotations": []})
    } else {
        json!({"role": "assistant", "content": null, "refusal": null, "tool_calls": calls})
    };
    let mut body = json!({
        "id": id, "object": "chat.completion", "created": CREATED, "model": call.model,
        "choices": [{"index": 0, "message": message, "logprobs": null, "finish_reason": reason(answer)}],
        "service_tier": "default", "system_fingerprint": "fp_scripted",
    });
    add_usage(&mut body, call.fault.usage, usage);
    body
}

fn reason(answer: &Answer) -> &'static str {
    match (answer.calls().is_empty(), answer.cut_by_cap) {
        (false, _) => "tool_calls",
        (true, true) => "length",
        (true, false) => "stop",
    }
}

fn delta(delta: &str) -> String {
    format!("{{\"index\":0,\"delta\":{delta},\"logprobs\":null,\"finish_reason\":null}}")
}

fn chat_frames(answer: &Answer, chunks: Chunks) -> Frames {
    let role = if answer.calls().is_empty() {
        "{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null}"
    } else {
        "{\"role\":\"assistant\",\"content\":null}"
    };
    let mut opening = vec![Frame::new(chunks.choice(&delta(role), 0))];
    opening.extend(chunks.early().into_iter().map(Frame::new));
    if answer.reasoning > 0 {
        // Chat does not show its reasoning; it only takes time and tokens before the text.
        opening.push(Frame::generated(chunks.choice(&delta("{}"), answer.reasoning), answer.reasoning));
    }
    let finish = format!("{{\"index\":0,\"delta\":{{}},\"logprobs\":null,\"finish_reason\":\"{}\"}}", reason(answer));
    let mut closing = vec![Frame::new(chunks.finish(&finish))];
    closing.extend(chunks.closing().into_iter().map(Frame::new));
    let calls = call_frames(answer, &chunks);
    let mut generated = answer.reasoning;
    let words = answer.pieces().map(move |piece| {
        generated += piece.tokens;
        let choice = delta(&format!("{{\"content\":{}}}", quoted(&piece.text)));
        Frame::generated(chunks.choice(&choice, generated), piece.tokens)
    });
    Box::new(opening.into_iter().chain(words).chain(calls).chain(closing))
}

/// Id and name come with the first fragment of each call, then only pieces of the arguments.
fn call_frames(answer: &Answer, chunks: &Chunks) -> Vec<Frame> {
    let mut frames = Vec::new();
    let mut generated = answer.reasoning;
    for (index, call) in answer.calls().iter().enumerate() {
        let opening = format!(
            "{{\"tool_calls\":[{{\"index\":{index},\"id\":\"call_{}\",\"type\":\"function\",\
             \"function\":{{\"name\":{},\"arguments\":\"\"}}}}]}}",
            call.id,
            quoted(&call.name)
        );
        frames.push(Frame::new(chunks.choice(&delta(&opening), generated)));
        let mut left = toy_tokens(&call.arguments);
        for piece in token_pieces(&call.arguments) {
            let tokens = left.min(1);
            left -= tokens;
            generated += tokens;
            let fragment =
                format!("{{\"tool_calls\":[{{\"index\":{index},\"function\":{{\"arguments\":{}}}}}]}}", quoted(&piece));
            frames.push(Frame::generated(chunks.choice(&delta(&fragment), generated), tokens));
        }
    }
    frames
}
