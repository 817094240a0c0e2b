//! `responses` and `responses/input_tokens`.

use serde_json::{Value, json};

use super::chat::{any_object, tier};
use super::{finish, list, prompt_tokens, string, text_of, tools};
use crate::sandbox::ask::Ask;
use crate::sandbox::knobs::Knobs;
use crate::sandbox::reply::{Content, End, Reply};
use crate::sandbox::script::{Scripted, StreamParts, event};
use crate::sandbox::{CREATED, Request};

pub(super) fn answer(request: &Request<'_>, asked: &Value, knobs: &Knobs) -> Scripted {
    let (ask, demanded) = read(asked);
    let reply = Reply::to(&ask, demanded.as_deref(), knobs);
    let paper = Paper { id: request.id(), asked: asked.clone(), reply, has_usage: !knobs.no_usage };
    if ask.stream { stream(&paper, knobs) } else { Scripted::good(knobs, &paper.response(true)) }
}

pub(super) fn count(_: &Request<'_>, asked: &Value, knobs: &Knobs) -> Scripted {
    let tokens = prompt_tokens(asked, "input");
    Scripted::good(knobs, &json!({"object": "response.input_tokens", "input_tokens": tokens}))
}

fn read(asked: &Value) -> (Ask, Option<String>) {
    let items: Vec<&Value> = list(asked, "input").collect();
    let plain = asked.get("input").and_then(Value::as_str).map(str::to_owned);
    let users = items.iter().rev().find(|item| item.get("role").is_some_and(|role| role == "user"));
    let last = items.last().filter(|item| item.get("type").is_some_and(|kind| kind == "function_call_output"));
    let (tools, demanded) = tools(asked);
    let format = asked.get("text").and_then(|text| text.get("format"));
    let any_json = format.is_some_and(|format| format.get("type").is_some_and(|kind| kind == "json_object"));
    let ask = Ask {
        model: string(asked, "model"),
        question: plain.or_else(|| users?.get("content").map(text_of)).unwrap_or_default(),
        tool_result: last.and_then(|item| item.get("output")).map(text_of),
        tools,
        schema: format.and_then(|format| format.get("schema").cloned()).or_else(|| any_json.then(any_object)),
        prompt_tokens: prompt_tokens(asked, "input"),
        max_tokens: asked.get("max_output_tokens").and_then(Value::as_u64),
        stream: asked.get("stream").and_then(Value::as_bool).unwrap_or(false),
        ..Ask::default()
    };
    (ask, demanded)
}

/// One response on paper: the same for the whole document and for the events of a stream.
struct Paper {
    id: String,
    asked: Value,
    reply: Reply,
    has_usage: bool,
}

impl Paper {
    fn item_id(&self) -> String {
        let prefix = if matches!(self.reply.content, Content::Text(_)) { "msg" } else { "fc" };
        format!("{prefix}_{}", self.id)
    }

    /// The response, finished or just begun.
    fn response(&self, is_done: bool) -> Value {
        let cut = self.reply.end == End::Length;
        let status = match (is_done, cut) {
            (false, _) => "in_progress",
            (true, true) => "incomplete",
            (true, false) => "completed",
        };
        let asked = |name: &str, otherwise: Value| self.asked.get(name).cloned().unwrap_or(otherwise);
        json!({
            "id": format!("resp_{}", self.id), "object": "response", "created_at": CREATED, "status": status,
            "model": string(&self.asked, "model"),
            "output": if is_done { vec![self.item(true)] } else { Vec::new() },
            "usage": if is_done && self.has_usage { self.usage() } else { Value::Null },
            "error": null,
            "incomplete_details": if is_done && cut { json!({"reason": "max_output_tokens"}) } else { Value::Null },
            "instructions": asked("instructions", Value::Null), "metadata": asked("metadata", json!({})),
            "max_output_tokens": asked("max_output_tokens", Value::Null), "tools": asked("tools", json!([])),
            "tool_choice": asked("tool_choice", json!("auto")), "parallel_tool_calls": asked("parallel_tool_calls", json!(true)),
            "previous_response_id": asked("previous_response_id", Value::Null), "store": asked("store", json!(false)),
            "temperature": asked("temperature", json!(1)), "top_p": asked("top_p", json!(1)),
            "text": asked("text", json!({"format": {"type": "text"}})), "truncation": "disabled",
            "reasoning": {"effort": null, "summary": null}, "service_tier": tier(&self.asked),
        })
    }

    fn item(&self, is_done: bool) -> Value {
        let status = if is_done { "completed" } else { "in_progress" };
        match &self.reply.content {
            Content::Text(text) => {
                let content = if is_done { json!([part(&text.whole())]) } else { json!([]) };
                json!({"type": "message", "id": self.item_id(), "role": "assistant", "status": status, "content": content})
            }
            Content::Call(name, arguments) => {
                let arguments = if is_done { arguments.whole() } else { String::new() };
                json!({"type": "function_call", "id": self.item_id(), "call_id": format!("call_{}", self.id), "name": name, "arguments": arguments, "status": status})
            }
        }
    }

    fn usage(&self) -> Value {
        let reply = &self.reply;
        json!({
            "input_tokens": reply.prompt, "input_tokens_details": {"cached_tokens": reply.cached},
            "output_tokens": reply.completion(), "output_tokens_details": {"reasoning_tokens": reply.reasoning},
            "total_tokens": reply.prompt.saturating_add(reply.completion()),
        })
    }
}

fn part(text: &str) -> Value {
    json!({"type": "output_text", "text": text, "annotations": [], "logprobs": []})
}

/// The events in their order, each with its number.
fn stream(paper: &Paper, knobs: &Knobs) -> Scripted {
    let item_id = paper.item_id();
    let mut opening = vec![
        ("response.created", json!({"response": paper.response(false)})),
        ("response.in_progress", json!({"response": paper.response(false)})),
        ("response.output_item.added", json!({"output_index": 0, "item": paper.item(false)})),
    ];
    let is_text = matches!(paper.reply.content, Content::Text(_));
    if is_text {
        opening.push((
            "response.content_part.added",
            json!({"item_id": item_id, "output_index": 0, "content_index": 0, "part": part("")}),
        ));
    }
    let (Content::Text(text) | Content::Call(_, text)) = &paper.reply.content;
    let whole = text.whole();
    let mut closing = if is_text {
        vec![
            (
                "response.output_text.done",
                json!({"item_id": item_id, "output_index": 0, "content_index": 0, "text": whole, "logprobs": []}),
            ),
            (
                "response.content_part.done",
                json!({"item_id": item_id, "output_index": 0, "content_index": 0, "part": part(&whole)}),
            ),
        ]
    } else {
        let name = match &paper.reply.content {
            Content::Call(name, _) => name.as_str(),
            Content::Text(_) => "",
        };
        vec![(
            "response.function_call_arguments.done",
            json!({"item_id": item_id, "output_index": 0, "name": name, "arguments": whole}),
        )]
    };
    closing.push(("response.output_item.done", json!({"output_index": 0, "item": paper.item(true)})));
    let last = if finish(paper.reply.end) == "length" { "response.incomplete" } else { "response.completed" };
    closing.push((last, json!({"response": paper.response(true)})));

    let begun = u64::try_from(opening.len()).unwrap_or(0);
    let pieces = text.tokens();
    let deltas = text.clone().pieces().zip(begun..).map(move |(piece, number)| {
        let mut body = json!({"item_id": item_id, "output_index": 0, "delta": piece});
        let name = if is_text { "response.output_text.delta" } else { "response.function_call_arguments.delta" };
        if let (true, Value::Object(fields)) = (is_text, &mut body) {
            fields.insert("content_index".to_owned(), json!(0));
            fields.insert("logprobs".to_owned(), json!([]));
        }
        numbered(name, body, number)
    });
    let failure = json!({"code": "server_error", "message": "The sandbox was asked to fail here.", "param": null});
    let parts = StreamParts {
        before: opening.into_iter().zip(0..).map(|((name, body), number)| numbered(name, body, number)).collect(),
        text: Box::new(deltas),
        after: closing
            .into_iter()
            .zip(begun.saturating_add(pieces)..)
            .map(|((name, body), number)| numbered(name, body, number))
            .collect(),
        failure: numbered("error", failure, begun.saturating_add(knobs.fail_after.unwrap_or(0))),
    };
    Scripted::stream(knobs, "text/event-stream; charset=utf-8", parts)
}

fn numbered(name: &'static str, mut body: Value, number: u64) -> bytes::Bytes {
    if let Value::Object(fields) = &mut body {
        fields.insert("type".to_owned(), json!(name));
        fields.insert("sequence_number".to_owned(), json!(number));
    }
    event(name, &body)
}
