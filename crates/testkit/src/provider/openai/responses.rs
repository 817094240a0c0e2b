//! The Responses API.

use bytes::Bytes;
use serde_json::{Value, json};

use super::super::answer::{Answer, weighed};
use super::super::bill::Usage;
use super::super::call::{Authenticated, Prepared};
use super::super::fault::UsageShape;
use super::super::frame::{Frame, Frames};
use super::super::refusal::VendorError;
use super::super::sse::{self, quoted};
use super::{CREATED, reading, response_usage};

/// `POST /v1/responses`
pub(super) fn respond(call: &Authenticated<'_>) -> Result<Prepared, VendorError> {
    let ask = reading::response(call.model, call.json)?;
    let answer = Answer::compose(&ask, call.fault);
    let prompt = call.shared.write(|state| state.cache.implicit(call.key, call.model, &ask.prompt));
    let usage = Usage { output: answer.output_tokens(), reasoning: answer.reasoning, ..prompt };
    let reply = Reply { id: answer.id("resp_"), model: call.model.to_owned(), usage, shape: call.fault.usage, answer };
    if ask.stream {
        return Ok(Prepared::events(reply.frames(), usage));
    }
    let told = (call.fault.usage != UsageShape::Absent).then(|| response_usage(&usage));
    Ok(Prepared::json(&reply.object(reply.status(), told.as_ref(), &reply.output()), usage))
}

/// `POST /v1/responses/input_tokens`
pub(super) fn count(call: &Authenticated<'_>) -> Result<Prepared, VendorError> {
    let ask = reading::response(call.model, call.json)?;
    let body = json!({"object": "response.input_tokens", "input_tokens": ask.prompt.tokens()});
    Ok(Prepared::json(&body, Usage::default()))
}

#[derive(Debug, Clone)]
struct Reply {
    id: String,
    model: String,
    usage: Usage,
    shape: UsageShape,
    answer: Answer,
}

impl Reply {
    fn status(&self) -> &'static str {
        if self.answer.cut_by_cap { "incomplete" } else { "completed" }
    }

    fn object(&self, status: &str, usage: Option<&Value>, output: &Value) -> Value {
        let details = if status == "incomplete" { json!({"reason": "max_output_tokens"}) } else { Value::Null };
        json!({
            "id": self.id, "object": "response", "created_at": CREATED, "status": status, "model": self.model,
            "error": null, "incomplete_details": details, "instructions": null, "output": output, "usage": usage,
            "parallel_tool_calls": true, "tool_choice": "auto", "tools": [], "temperature": 1.0, "top_p": 1.0,
            "metadata": {}, "service_tier": "default", "store": true,
        })
    }

    fn output(&self) -> Value {
        let mut items = Vec::new();
        if self.answer.reasoning > 0 {
            items.push(self.reasoning_item());
        }
        for nth in 0..self.answer.calls().len() {
            items.extend(self.call_item(nth, true));
        }
        if self.answer.calls().is_empty() {
            items.push(self.message_item(Some(&self.answer.text())));
        }
        Value::Array(items)
    }

    fn reasoning_item(&self) -> Value {
        json!({"id": self.answer.id("rs_"), "type": "reasoning",
            "summary": [{"type": "summary_text", "text": self.answer.thoughts()}]})
    }

    fn message_item(&self, text: Option<&str>) -> Value {
        let (status, content) = match text {
            Some(text) => {
                ("completed", json!([{"type": "output_text", "text": text, "annotations": [], "logprobs": []}]))
            }
            None => ("in_progress", json!([])),
        };
        json!({"id": self.answer.id("msg_"), "type": "message", "role": "assistant", "status": status, "content": content})
    }

    fn call_item(&self, nth: usize, whole: bool) -> Option<Value> {
        let call = self.answer.calls().get(nth)?;
        let (status, arguments) = if whole { ("completed", call.arguments.as_str()) } else { ("in_progress", "") };
        Some(json!({"id": format!("fc_{}", call.id), "type": "function_call", "call_id": format!("call_{}", call.id),
            "name": call.name, "arguments": arguments, "status": status}))
    }

    fn frames(self) -> Frames {
        let mut events = Events { next: 0 };
        let early = match self.shape {
            UsageShape::Early => Some(response_usage(&self.usage)),
            UsageShape::Placeholder => Some(response_usage(&Usage::default())),
            _ => None,
        };
        let begun = self.object("in_progress", early.as_ref(), &json!([]));
        let mut opening = vec![
            Frame::new(events.event("response.created", &json!({"response": begun}))),
            Frame::new(events.event("response.in_progress", &json!({"response": begun}))),
        ];
        let mut index = 0;
        if self.answer.reasoning > 0 {
            opening.extend(self.reasoning_frames(&mut events));
            index = 1;
        }
        if !self.answer.calls().is_empty() {
            let calls = self.call_frames(&mut events, index);
            let closing = self.closing(&mut events);
            return Box::new(opening.into_iter().chain(calls).chain(closing));
        }
        let item = self.message_item(None);
        let item_id = self.answer.id("msg_");
        let part = json!({"type": "output_text", "text": "", "annotations": [], "logprobs": []});
        opening.push(Frame::new(
            events.event("response.output_item.added", &json!({"output_index": index, "item": item})),
        ));
        opening.push(Frame::new(events.event(
            "response.content_part.added",
            &json!({"item_id": item_id, "output_index": index, "content_index": 0, "part": part}),
        )));
        self.text_frames(opening, events, index, &item_id)
    }

    /// The deltas are numbered while they are made, so the closing events are made after them.
    fn text_frames(self, opening: Vec<Frame>, events: Events, index: u64, item_id: &str) -> Frames {
        let place = format!("\"item_id\":\"{item_id}\",\"output_index\":{index},\"content_index\":0");
        let mut pieces = self.answer.pieces();
        let mut events = events;
        let mut generated = self.answer.reasoning;
        let mut closing = None;
        let rest = std::iter::from_fn(move || {
            if let Some(piece) = pieces.next() {
                generated += piece.tokens;
                let usage = if self.shape == UsageShape::Cumulative {
                    format!(",\"usage\":{}", response_usage(&self.usage.cut_to(generated)))
                } else {
                    String::new()
                };
                let event = events.raw(
                    "response.output_text.delta",
                    &format!("{place},\"delta\":{},\"logprobs\":[]{usage}", quoted(&piece.text)),
                );
                return Some(Frame::generated(event, piece.tokens));
            }
            closing
                .get_or_insert_with(|| {
                    let mut frames = self.text_done(&mut events, index);
                    frames.extend(self.closing(&mut events));
                    frames.into_iter()
                })
                .next()
        });
        Box::new(opening.into_iter().chain(rest))
    }

    fn text_done(&self, events: &mut Events, index: u64) -> Vec<Frame> {
        let text = self.answer.text();
        let item_id = self.answer.id("msg_");
        let part = json!({"type": "output_text", "text": text, "annotations": [], "logprobs": []});
        [
            (
                "response.output_text.done",
                json!({"item_id": item_id, "output_index": index, "content_index": 0, "text": text, "logprobs": []}),
            ),
            (
                "response.content_part.done",
                json!({"item_id": item_id, "output_index": index, "content_index": 0, "part": part}),
            ),
            ("response.output_item.done", json!({"output_index": index, "item": self.message_item(Some(&text))})),
        ]
        .into_iter()
        .map(|(name, fields)| Frame::new(events.event(name, &fields)))
        .collect()
    }

    fn reasoning_frames(&self, events: &mut Events) -> Vec<Frame> {
        let item_id = self.answer.id("rs_");
        let thoughts = self.answer.thoughts();
        let empty = json!({"id": item_id, "type": "reasoning", "summary": []});
        let at = |fields: Value| {
            let mut fields = fields;
            if let Some(map) = fields.as_object_mut() {
                map.insert("item_id".to_owned(), json!(item_id));
                map.insert("output_index".to_owned(), json!(0));
                map.insert("summary_index".to_owned(), json!(0));
            }
            fields
        };
        let part = |text: &str| json!({"part": {"type": "summary_text", "text": text}});
        vec![
            Frame::new(events.event("response.output_item.added", &json!({"output_index": 0, "item": empty}))),
            Frame::new(events.event("response.reasoning_summary_part.added", &at(part("")))),
            Frame::generated(
                events.event("response.reasoning_summary_text.delta", &at(json!({"delta": thoughts}))),
                self.answer.reasoning,
            ),
            Frame::new(events.event("response.reasoning_summary_text.done", &at(json!({"text": thoughts})))),
            Frame::new(events.event("response.reasoning_summary_part.done", &at(part(&thoughts)))),
            Frame::new(
                events.event("response.output_item.done", &json!({"output_index": 0, "item": self.reasoning_item()})),
            ),
        ]
    }

    fn call_frames(&self, events: &mut Events, first: u64) -> Vec<Frame> {
        let mut frames = Vec::new();
        for (nth, call) in self.answer.calls().iter().enumerate() {
            let index = first + nth as u64;
            let item_id = format!("fc_{}", call.id);
            let begun = self.call_item(nth, false);
            frames.push(Frame::new(
                events.event("response.output_item.added", &json!({"output_index": index, "item": begun})),
            ));
            for piece in weighed(&call.arguments) {
                let fields = json!({"item_id": item_id, "output_index": index, "delta": piece.text});
                frames.push(Frame::generated(
                    events.event("response.function_call_arguments.delta", &fields),
                    piece.tokens,
                ));
            }
            let done =
                json!({"item_id": item_id, "output_index": index, "arguments": call.arguments, "name": call.name});
            frames.push(Frame::new(events.event("response.function_call_arguments.done", &done)));
            let item = self.call_item(nth, true);
            frames.push(Frame::new(
                events.event("response.output_item.done", &json!({"output_index": index, "item": item})),
            ));
        }
        frames
    }

    fn closing(&self, events: &mut Events) -> Vec<Frame> {
        let told = match self.shape {
            UsageShape::Absent | UsageShape::Early | UsageShape::Late => None,
            _ => Some(response_usage(&self.usage)),
        };
        let name = if self.answer.cut_by_cap { "response.incomplete" } else { "response.completed" };
        let whole = self.object(self.status(), told.as_ref(), &self.output());
        let mut frames = vec![Frame::new(events.event(name, &json!({"response": whole})))];
        if self.shape == UsageShape::Late {
            let late = json!({"response": {"id": self.id, "usage": response_usage(&self.usage)}});
            frames.push(Frame::new(events.event(name, &late)));
        }
        if self.shape == UsageShape::ThenEmpty {
            frames.push(Frame::new(
                events.event("response.in_progress", &json!({"response": {"id": self.id, "usage": {}}})),
            ));
        }
        frames
    }
}

/// Numbers events.
struct Events {
    next: u64,
}

impl Events {
    fn event(&mut self, name: &str, fields: &Value) -> Bytes {
        let text = fields.to_string();
        let inner = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or_default().to_owned();
        self.raw(name, &inner)
    }

    fn raw(&mut self, name: &str, fields: &str) -> Bytes {
        let number = self.next;
        self.next += 1;
        sse::named(name, &format!("{{\"type\":\"{name}\",\"sequence_number\":{number},{fields}}}"))
    }
}
