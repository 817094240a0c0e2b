//! `chat/completions`.

use bytes::Bytes;
use serde_json::{Value, json};

use super::{failure, finish, list, prompt_tokens, string, text_of, tools, usage};
use crate::sandbox::ask::Ask;
use crate::sandbox::knobs::Knobs;
use crate::sandbox::reply::{Content, Reply};
use crate::sandbox::script::{Scripted, StreamParts, data};
use crate::sandbox::{CREATED, Request};

pub(super) fn answer(request: &Request<'_>, asked: &Value, knobs: &Knobs) -> Scripted {
    let (ask, demanded) = read(asked);
    let reply = Reply::to(&ask, demanded.as_deref(), knobs);
    let id = format!("chatcmpl-{}", request.id());
    if ask.stream {
        return stream(asked, &ask, &id, reply, knobs);
    }
    let message = match &reply.content {
        Content::Text(text) => json!({"role": "assistant", "content": text.whole(), "refusal": null}),
        Content::Call(name, arguments) => {
            json!({"role": "assistant", "content": null, "refusal": null, "tool_calls": [call(&id, name, &arguments.whole())]})
        }
    };
    let choices: Vec<Value> = (0..ask.candidates)
        .map(|index| json!({"index": index, "message": message, "logprobs": null, "finish_reason": finish(reply.end)}))
        .collect();
    let mut answer = json!({
        "id": id, "object": "chat.completion", "created": CREATED, "model": ask.model, "choices": choices,
        "system_fingerprint": "sandbox", "service_tier": tier(asked),
    });
    if let (false, Value::Object(fields)) = (knobs.no_usage, &mut answer) {
        fields.insert("usage".to_owned(), usage(&reply, ask.candidates));
    }
    Scripted::good(knobs, &answer)
}

fn read(asked: &Value) -> (Ask, Option<String>) {
    let messages: Vec<&Value> = list(asked, "messages").collect();
    let said = |role: &str| messages.iter().rev().find(|message| message.get("role").is_some_and(|r| r == role));
    let content = |message: &&&Value| message.get("content").map(text_of).unwrap_or_default();
    let last_is_tool = messages.last().is_some_and(|message| message.get("role").is_some_and(|role| role == "tool"));
    let (tools, demanded) = tools(asked);
    let format = asked.get("response_format");
    let schema = format.and_then(|format| format.get("json_schema")?.get("schema").cloned());
    let any_json = format.is_some_and(|format| format.get("type").is_some_and(|kind| kind == "json_object"));
    let ask = Ask {
        model: string(asked, "model"),
        question: said("user").as_ref().map(content).unwrap_or_default(),
        tool_result: last_is_tool.then(|| messages.last().as_ref().map(content).unwrap_or_default()),
        tools,
        schema: schema.or_else(|| any_json.then(any_object)),
        prompt_tokens: prompt_tokens(asked, "messages"),
        max_tokens: ["max_completion_tokens", "max_tokens"].into_iter().find_map(|name| asked.get(name)?.as_u64()),
        stream: asked.get("stream").and_then(Value::as_bool).unwrap_or(false),
        ..Ask::default()
    };
    (ask.with_candidates(asked.get("n").and_then(Value::as_u64)), demanded)
}

/// What "some JSON object" is answered with.
pub(super) fn any_object() -> Value {
    json!({"type": "object", "properties": {"answer": {"type": "string"}}})
}

/// Flex and priority are granted, everything else is served as usual.
pub(super) fn tier(asked: &Value) -> &'static str {
    match asked.get("service_tier").and_then(Value::as_str) {
        Some("flex") => "flex",
        Some("priority" | "fast") => "priority",
        _ => "default",
    }
}

fn call(id: &str, name: &str, arguments: &str) -> Value {
    json!({"id": format!("call_{id}"), "type": "function", "function": {"name": name, "arguments": arguments}})
}

/// Role, then the text or the arguments piece by piece, then the reason of the end, then usage if it was asked for.
fn stream(asked: &Value, ask: &Ask, id: &str, reply: Reply, knobs: &Knobs) -> Scripted {
    let with_usage =
        asked.get("stream_options").and_then(|options| options.get("include_usage")).is_some_and(|yes| yes == true);
    let with_usage = with_usage && !knobs.no_usage;
    let frame = json!({
        "id": id, "object": "chat.completion.chunk", "created": CREATED, "model": ask.model,
        "system_fingerprint": "sandbox", "service_tier": tier(asked),
    });
    let chunk = move |choices: Value, used: Option<Value>| {
        let mut chunk = frame.clone();
        if let Value::Object(fields) = &mut chunk {
            fields.insert("choices".to_owned(), choices);
            if with_usage {
                fields.insert("usage".to_owned(), used.unwrap_or(Value::Null));
            }
        }
        data(&chunk)
    };
    let delta = |index: u64, delta: &Value, end: Value| json!([{"index": index, "delta": delta, "logprobs": null, "finish_reason": end}]);
    let candidates = ask.candidates;
    let used = usage(&reply, candidates);
    let opening = match &reply.content {
        Content::Text(_) => json!({"role": "assistant", "content": "", "refusal": null}),
        Content::Call(name, _) => {
            json!({"role": "assistant", "content": null, "tool_calls": [{"index": 0, "id": format!("call_{id}"), "type": "function", "function": {"name": name, "arguments": ""}}]})
        }
    };
    let before = (0..candidates).map(|index| chunk(delta(index, &opening, Value::Null), None)).collect();
    let mut after: Vec<Bytes> =
        (0..candidates).map(|index| chunk(delta(index, &json!({}), finish(reply.end).into()), None)).collect();
    after.extend(with_usage.then(|| chunk(json!([]), Some(used))));
    after.push(Bytes::from_static(b"data: [DONE]\n\n"));
    let is_call = matches!(reply.content, Content::Call(..));
    let (Content::Text(text) | Content::Call(_, text)) = reply.content;
    let pieces = text.pieces().flat_map(move |piece| {
        let part = if is_call {
            json!({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]})
        } else {
            json!({"content": piece})
        };
        let chunks: Vec<Bytes> = (0..candidates).map(|index| chunk(delta(index, &part, Value::Null), None)).collect();
        chunks
    });
    let parts = StreamParts { before, text: Box::new(pieces), after, failure: data(&failure()) };
    Scripted::stream(knobs, "text/event-stream; charset=utf-8", parts)
}
