//! Anthropic's surface.

use bytes::Bytes;
use http::{HeaderValue, StatusCode};
use keyward_domain::dialect::Dialect;
use serde_json::{Value, json};

use super::ask::{Ask, Tool, list, string, text_of, tokens_in};
use super::fault::{body, refusal, wanted};
use super::knobs::Knobs;
use super::reply::{Content, End, Reply, arguments_of};
use super::script::{Scripted, StreamParts, event};
use super::{CREATED_TEXT, MISSING_MODEL, MODELS, Request};

/// Answers what stands behind `/v1`.
pub(super) fn answer(request: &Request<'_>, rest: &str) -> Scripted {
    let mut scripted = match (request.method, rest) {
        ("GET", "/models") => models(request),
        ("GET", path) if path.starts_with("/models/") => model(path.trim_start_matches("/models/")),
        ("POST", "/messages") => with_json(request, messages),
        ("POST", "/messages/count_tokens") => {
            with_json(request, |_, asked, knobs| Scripted::good(knobs, &json!({"input_tokens": prompt_tokens(asked)})))
        }
        _ => refusal(Dialect::Anthropic, 404, None, "Not found"),
    };
    if let Ok(id) = HeaderValue::from_str(&format!("req_{}", request.id())) {
        scripted.headers.insert("request-id", id);
    }
    scripted
}

fn with_json(request: &Request<'_>, operation: fn(&Request<'_>, &Value, &Knobs) -> Scripted) -> Scripted {
    let asked = match request.json() {
        Ok(asked) => asked,
        Err(message) => return refusal(Dialect::Anthropic, 400, None, &message),
    };
    let model = string(&asked, "model");
    if model.is_empty() {
        return refusal(Dialect::Anthropic, 400, None, "model: Field required");
    }
    if model == MISSING_MODEL {
        return missing(&model);
    }
    let last = list(&asked, "messages").last().and_then(|message| message.get("content")).map(text_of);
    let knobs = request.knobs(&model, &last.unwrap_or_default());
    wanted(Dialect::Anthropic, &knobs).unwrap_or_else(|| operation(request, &asked, &knobs))
}

fn messages(request: &Request<'_>, asked: &Value, knobs: &Knobs) -> Scripted {
    if asked.get("max_tokens").and_then(Value::as_u64).is_none() {
        return refusal(Dialect::Anthropic, 400, None, "max_tokens: Field required");
    }
    let (ask, demanded) = read(asked);
    let reply = Reply::to(&ask, demanded.as_deref(), knobs);
    let id = format!("msg_{}", request.id());
    let message = |content: Value, end: Value, used: Option<Value>| {
        let mut message = json!({
            "id": id, "type": "message", "role": "assistant", "model": ask.model, "content": content,
            "stop_reason": end, "stop_sequence": null,
        });
        if let Value::Object(fields) = &mut message {
            fields.extend(used.map(|used| ("usage".to_owned(), used)));
        }
        message
    };
    let used = |output: u64| (!knobs.no_usage).then(|| usage(&reply, output));
    if ask.stream {
        let start = message(json!([]), Value::Null, used(1));
        return stream(&start, reply, knobs);
    }
    let block = match &reply.content {
        Content::Text(text) => json!({"type": "text", "text": text.whole()}),
        Content::Call(name, arguments) => {
            json!({"type": "tool_use", "id": format!("toolu_{}", request.id()), "name": name, "input": arguments_of(arguments)})
        }
    };
    Scripted::good(knobs, &message(json!([block]), stop_reason(reply.end).into(), used(reply.completion())))
}

fn read(asked: &Value) -> (Ask, Option<String>) {
    let messages: Vec<&Value> = list(asked, "messages").collect();
    let last = messages.last().and_then(|message| message.get("content"));
    let result = last.and_then(Value::as_array).and_then(|blocks| {
        let block = blocks.iter().find(|block| block.get("type").is_some_and(|kind| kind == "tool_result"))?;
        Some(block.get("content").map(text_of).unwrap_or_default())
    });
    let choice = asked.get("tool_choice");
    let barred = choice.is_some_and(|choice| choice.get("type").is_some_and(|kind| kind == "none"));
    // Tools of the provider's own have a type and no schema; the sandbox has none of them.
    let offered = list(asked, "tools").filter(|tool| !barred && tool.get("input_schema").is_some());
    let tools = offered
        .map(|tool| Tool { name: string(tool, "name"), schema: tool.get("input_schema").cloned().unwrap_or_default() });
    let format =
        asked.get("output_config").and_then(|config| config.get("format")).or_else(|| asked.get("output_format"));
    let ask = Ask {
        model: string(asked, "model"),
        question: last.map(text_of).unwrap_or_default(),
        tool_result: result,
        tools: tools.collect(),
        schema: format.and_then(|format| format.get("schema").cloned()),
        prompt_tokens: prompt_tokens(asked),
        max_tokens: asked.get("max_tokens").and_then(Value::as_u64),
        candidates: 1,
        stream: asked.get("stream").and_then(Value::as_bool).unwrap_or(false),
    };
    (ask, choice.map(|choice| string(choice, "name")).filter(|name| !name.is_empty()))
}

fn prompt_tokens(asked: &Value) -> u64 {
    let turns = u64::try_from(list(asked, "messages").count()).unwrap_or(0);
    let told = ["messages", "system", "tools"].into_iter().filter_map(|name| asked.get(name)).map(tokens_in);
    told.sum::<u64>().saturating_add(turns * 4)
}

/// The prompt without what the cache had: this dialect counts them apart.
fn usage(reply: &Reply, output: u64) -> Value {
    json!({
        "input_tokens": reply.prompt.saturating_sub(reply.cached),
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": reply.cached,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "output_tokens": output,
        "output_tokens_details": {"thinking_tokens": reply.reasoning.min(output)},
        "service_tier": "standard",
    })
}

const fn stop_reason(end: End) -> &'static str {
    match end {
        End::Stop => "end_turn",
        End::Length => "max_tokens",
        End::Call => "tool_use",
    }
}

fn stream(start: &Value, reply: Reply, knobs: &Knobs) -> Scripted {
    let named = |name: &str, mut body: Value| {
        if let Value::Object(fields) = &mut body {
            fields.insert("type".to_owned(), json!(name));
        }
        event(name, &body)
    };
    let id = start.get("id").and_then(Value::as_str).unwrap_or_default().replacen("msg_", "toolu_", 1);
    let block = match &reply.content {
        Content::Text(_) => json!({"type": "text", "text": ""}),
        Content::Call(name, _) => json!({"type": "tool_use", "id": id, "name": name, "input": {}}),
    };
    let mut end = json!({"delta": {"stop_reason": stop_reason(reply.end), "stop_sequence": null}});
    if let (false, Value::Object(fields)) = (knobs.no_usage, &mut end) {
        fields.insert("usage".to_owned(), usage(&reply, reply.completion()));
    }
    let before: Vec<Bytes> = vec![
        named("message_start", json!({"message": start})),
        named("content_block_start", json!({"index": 0, "content_block": block})),
        named("ping", json!({})),
    ];
    let after = vec![
        named("content_block_stop", json!({"index": 0})),
        named("message_delta", end),
        named("message_stop", json!({})),
    ];
    let is_call = matches!(reply.content, Content::Call(..));
    let (Content::Text(text) | Content::Call(_, text)) = reply.content;
    let pieces = text.pieces().map(move |piece| {
        let delta = if is_call {
            json!({"type": "input_json_delta", "partial_json": piece})
        } else {
            json!({"type": "text_delta", "text": piece})
        };
        event("content_block_delta", &json!({"type": "content_block_delta", "index": 0, "delta": delta}))
    });
    let failure = event("error", &body(Dialect::Anthropic, 529, None, "The sandbox was asked to fail here."));
    Scripted::stream(
        knobs,
        "text/event-stream; charset=utf-8",
        StreamParts { before, text: Box::new(pieces), after, failure },
    )
}

fn card(name: &str) -> Value {
    json!({"type": "model", "id": name, "display_name": name, "created_at": CREATED_TEXT})
}

fn models(request: &Request<'_>) -> Scripted {
    let knobs = request.knobs("", "");
    let cards: Vec<Value> = MODELS.iter().map(|name| card(name)).collect();
    let page = json!({"data": cards, "has_more": false, "first_id": MODELS.first(), "last_id": MODELS.last()});
    wanted(Dialect::Anthropic, &knobs).unwrap_or_else(|| Scripted::good(&knobs, &page))
}

fn model(name: &str) -> Scripted {
    if MODELS.contains(&name) { Scripted::json(StatusCode::OK, &card(name)) } else { missing(name) }
}

fn missing(model: &str) -> Scripted {
    refusal(Dialect::Anthropic, 404, None, &format!("model: {model}"))
}
