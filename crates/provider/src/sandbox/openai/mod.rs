//! OpenAI's surface.

pub(super) use embed::vector;

mod chat;
mod completion;
mod embed;
mod form;
mod media;
mod responses;

use http::StatusCode;
use keyward_domain::dialect::Dialect;
use serde_json::{Value, json};

use super::ask::{Tool, list, string, text_of, tokens_in};
use super::fault::{body, refusal, wanted};
use super::knobs::Knobs;
use super::reply::{End, Reply};
use super::script::Scripted;
use super::{CREATED, MISSING_MODEL, MODELS, Request};

/// Answers what stands behind `/v1`.
pub(super) fn answer(request: &Request<'_>, rest: &str) -> Scripted {
    match (request.method, rest) {
        ("GET", "/models") => models(request),
        ("GET", path) if path.starts_with("/models/") => model(path.trim_start_matches("/models/")),
        ("POST", "/chat/completions") => with_json(request, chat::answer),
        ("POST", "/completions") => with_json(request, completion::answer),
        ("POST", "/responses") => with_json(request, responses::answer),
        ("POST", "/responses/input_tokens") => with_json(request, responses::count),
        ("POST", "/embeddings") => with_json(request, embed::answer),
        ("POST", "/moderations") => with_json(request, media::moderate),
        ("POST", "/images/generations") => with_json(request, media::draw),
        ("POST", "/audio/speech") => with_json(request, media::speak),
        ("POST", "/images/edits" | "/images/variations") => media::edit(request),
        ("POST", "/audio/transcriptions" | "/audio/translations") => media::hear(request),
        _ => {
            let message = format!("Invalid URL ({} {})", request.method, request.path);
            Scripted::json(
                StatusCode::NOT_FOUND,
                &json!({"error": {"message": message, "type": "invalid_request_error", "param": null, "code": null}}),
            )
        }
    }
}

/// What every JSON operation begins with: the body, the model, the knobs, a fault if one is wanted.
fn with_json(request: &Request<'_>, operation: fn(&Request<'_>, &Value, &Knobs) -> Scripted) -> Scripted {
    let asked = match request.json() {
        Ok(asked) => asked,
        Err(message) => return refusal(Dialect::OpenAi, 400, None, &message),
    };
    let model = string(&asked, "model");
    if model.is_empty() {
        return refusal(Dialect::OpenAi, 400, None, "you must provide a model parameter");
    }
    if model == MISSING_MODEL {
        return missing(&model);
    }
    let knobs = request.knobs(&model, &last_text(&asked));
    wanted(Dialect::OpenAi, &knobs).unwrap_or_else(|| operation(request, &asked, &knobs))
}

/// Where knobs may be hidden: the last message, the input, the prompt.
fn last_text(asked: &Value) -> String {
    let message = list(asked, "messages").last().and_then(|message| message.get("content"));
    if let Some(content) = message {
        return text_of(content);
    }
    match asked.get("input").or_else(|| asked.get("prompt")) {
        Some(Value::Array(items)) => match items.last() {
            Some(Value::String(text)) => text.clone(),
            Some(item) => item.get("content").map(text_of).unwrap_or_default(),
            None => String::new(),
        },
        Some(other) => text_of(other),
        None => String::new(),
    }
}

fn missing(model: &str) -> Scripted {
    refusal(Dialect::OpenAi, 404, None, &format!("The model `{model}` does not exist"))
}

fn card(name: &str) -> Value {
    json!({"id": name, "object": "model", "created": CREATED, "owned_by": "keyward"})
}

fn models(request: &Request<'_>) -> Scripted {
    let knobs = request.knobs("", "");
    let cards: Vec<Value> = MODELS.iter().map(|name| card(name)).collect();
    wanted(Dialect::OpenAi, &knobs).unwrap_or_else(|| Scripted::good(&knobs, &json!({"object": "list", "data": cards})))
}

fn model(name: &str) -> Scripted {
    if MODELS.contains(&name) { Scripted::json(StatusCode::OK, &card(name)) } else { missing(name) }
}

/// Functions on offer, in the chat form (`{"function": {...}}`) or the flat form of responses; and the one demanded.
fn tools(asked: &Value) -> (Vec<Tool>, Option<String>) {
    let choice = asked.get("tool_choice");
    if choice.is_some_and(|choice| choice == "none") {
        return (Vec::new(), None);
    }
    let offered = list(asked, "tools").filter(|tool| tool.get("type").is_none_or(|kind| kind == "function"));
    let tools = offered.map(|tool| {
        let function = tool.get("function").unwrap_or(tool);
        Tool {
            name: string(function, "name"),
            schema: function.get("parameters").cloned().unwrap_or_else(|| json!({"type": "object"})),
        }
    });
    let demanded = choice.map(|choice| string(choice.get("function").unwrap_or(choice), "name"));
    (tools.collect(), demanded.filter(|name| !name.is_empty()))
}

/// Prompt tokens of messages or items: their texts and four for each.
fn prompt_tokens(asked: &Value, conversation: &str) -> u64 {
    let spoken = asked.get(conversation).map(tokens_in).unwrap_or_default();
    let turns = asked.get(conversation).and_then(Value::as_array).map_or(1, Vec::len);
    let offered = asked.get("tools").map(tokens_in).unwrap_or_default();
    let told = asked.get("instructions").map(tokens_in).unwrap_or_default();
    spoken.saturating_add(u64::try_from(turns).unwrap_or(0) * 4).saturating_add(offered).saturating_add(told)
}

/// Usage as chat and completions report it.
fn usage(reply: &Reply, candidates: u64) -> Value {
    let completion = reply.completion().saturating_mul(candidates);
    json!({
        "prompt_tokens": reply.prompt,
        "completion_tokens": completion,
        "total_tokens": reply.prompt.saturating_add(completion),
        "prompt_tokens_details": {"cached_tokens": reply.cached, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": reply.reasoning.saturating_mul(candidates),
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    })
}

const fn finish(end: End) -> &'static str {
    match end {
        End::Stop => "stop",
        End::Length => "length",
        End::Call => "tool_calls",
    }
}

/// The event of a fault in the middle of a stream.
fn failure() -> Value {
    body(Dialect::OpenAi, 500, None, "The sandbox was asked to fail here.")
}
