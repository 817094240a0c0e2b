//! The events of a streamed message.

use bytes::Bytes;
use serde_json::{Value, json};

use super::super::answer::{Answer, weighed};
use super::super::bill::Usage;
use super::super::fault::UsageShape;
use super::super::frame::{Frame, Frames};
use super::super::sse::{self, quoted};
use super::messages::{signature, stop_reason};
use super::told;

pub(super) fn frames(answer: &Answer, model: &str, shape: UsageShape, usage: Usage) -> Frames {
    let mut opening = vec![Frame::new(start(answer, model, shape, &usage)), Frame::new(ping())];
    let mut index = 0;
    if answer.reasoning > 0 {
        opening.extend(thinking(answer, index));
        index += 1;
    }
    let closing = closing(answer, shape, &usage);
    if !answer.calls().is_empty() {
        let calls = calls(answer, index);
        return Box::new(opening.into_iter().chain(calls).chain(closing));
    }
    opening.push(block_start(index, &json!({"type": "text", "text": ""})));
    let mut generated = answer.reasoning;
    let words = answer.pieces().flat_map(move |piece| {
        generated += piece.tokens;
        let delta = format!("{{\"type\":\"text_delta\",\"text\":{}}}", quoted(&piece.text));
        let growing = (shape == UsageShape::Cumulative).then(|| {
            let usage = told(&usage.cut_to(generated));
            Frame::new(event(
                "message_delta",
                &format!("\"delta\":{{\"stop_reason\":null,\"stop_sequence\":null}},\"usage\":{usage}"),
            ))
        });
        std::iter::once(Frame::generated(block_delta(index, &delta), piece.tokens)).chain(growing)
    });
    let stop = std::iter::once(block_stop(index));
    Box::new(opening.into_iter().chain(words).chain(stop).chain(closing))
}

/// The first event already tells the prompt's usage, with a placeholder for the output.
fn start(answer: &Answer, model: &str, shape: UsageShape, usage: &Usage) -> Bytes {
    let mut message = json!({
        "id": answer.id("msg_"), "type": "message", "role": "assistant", "model": model, "content": [],
        "stop_reason": null, "stop_sequence": null,
    });
    let early = match shape {
        UsageShape::Absent | UsageShape::Late => None,
        UsageShape::Early => Some(told(usage)),
        UsageShape::Placeholder => Some(json!({"input_tokens": 0, "output_tokens": 1})),
        _ => Some(told(&Usage { output: usage.output.min(1), reasoning: 0, ..*usage })),
    };
    if let (Some(fields), Some(early)) = (message.as_object_mut(), early) {
        fields.insert("usage".to_owned(), early);
    }
    event("message_start", &format!("\"message\":{message}"))
}

fn closing(answer: &Answer, shape: UsageShape, usage: &Usage) -> Vec<Frame> {
    let delta = json!({"stop_reason": stop_reason(answer), "stop_sequence": null});
    let field = match shape {
        UsageShape::Absent | UsageShape::Early | UsageShape::Late => String::new(),
        UsageShape::Nested => format!(",\"response\":{{\"usage\":{}}}", told(usage)),
        _ => format!(",\"usage\":{}", told(usage)),
    };
    let mut frames = vec![Frame::new(event("message_delta", &format!("\"delta\":{delta}{field}")))];
    if shape == UsageShape::ThenEmpty {
        frames.push(Frame::new(event("message_delta", &format!("\"delta\":{delta},\"usage\":{{}}"))));
    }
    frames.push(Frame::new(Bytes::from_static(b"event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n")));
    if shape == UsageShape::Late {
        let late = format!("\"delta\":{delta},\"usage\":{}", told(usage));
        frames.push(Frame::new(event("message_delta", &late)));
    }
    frames
}

fn thinking(answer: &Answer, index: u64) -> Vec<Frame> {
    let delta = format!("{{\"type\":\"thinking_delta\",\"thinking\":{}}}", quoted(&answer.thoughts()));
    let seal = format!("{{\"type\":\"signature_delta\",\"signature\":\"{}\"}}", signature(answer));
    vec![
        block_start(index, &json!({"type": "thinking", "thinking": "", "signature": ""})),
        Frame::generated(block_delta(index, &delta), answer.reasoning),
        Frame::new(block_delta(index, &seal)),
        block_stop(index),
    ]
}

fn calls(answer: &Answer, first: u64) -> Vec<Frame> {
    let mut frames = Vec::new();
    for (nth, call) in answer.calls().iter().enumerate() {
        let index = first + nth as u64;
        let block = json!({"type": "tool_use", "id": format!("toolu_{}", call.id), "name": call.name, "input": {}});
        frames.push(block_start(index, &block));
        frames.push(Frame::new(block_delta(index, "{\"type\":\"input_json_delta\",\"partial_json\":\"\"}")));
        for piece in weighed(&call.arguments) {
            let delta = format!("{{\"type\":\"input_json_delta\",\"partial_json\":{}}}", quoted(&piece.text));
            frames.push(Frame::generated(block_delta(index, &delta), piece.tokens));
        }
        frames.push(block_stop(index));
    }
    frames
}

fn ping() -> Bytes {
    Bytes::from_static(b"event: ping\ndata: {\"type\":\"ping\"}\n\n")
}

fn block_start(index: u64, block: &Value) -> Frame {
    Frame::new(event("content_block_start", &format!("\"index\":{index},\"content_block\":{block}")))
}

fn block_delta(index: u64, delta: &str) -> Bytes {
    event("content_block_delta", &format!("\"index\":{index},\"delta\":{delta}"))
}

fn block_stop(index: u64) -> Frame {
    Frame::new(event("content_block_stop", &format!("\"index\":{index}")))
}

fn event(name: &str, fields: &str) -> Bytes {
    sse::named(name, &format!("{{\"type\":\"{name}\",{fields}}}"))
}
