//! Reading a Messages request into what it asks.

use serde_json::{Value, json};

use super::super::answer::{Ask, Choice, Tool};
use super::super::prompt::{Prompt, Ttl};
use super::super::refusal::VendorError;
use super::bad;

/// `counting` requests need no `max_tokens`.
pub(super) fn message(model: &str, body: &Value, counting: bool) -> Result<Ask, VendorError> {
    let messages = body.get("messages").and_then(Value::as_array).ok_or_else(|| bad("messages: Field required"))?;
    if messages.is_empty() {
        return Err(bad("messages: at least one message is required"));
    }
    let cap = body.get("max_tokens").and_then(Value::as_u64);
    if cap.is_none() && !counting {
        return Err(bad("max_tokens: Field required"));
    }
    let mut prompt = Prompt::default();
    let tools = tools(body, &mut prompt);
    if let Some(system) = body.get("system") {
        prompt.turn("system");
        content(system, &mut prompt);
    }
    let mut after_tool = false;
    for message in messages {
        let role = message.get("role").and_then(Value::as_str).unwrap_or_default();
        if !matches!(role, "user" | "assistant" | "system") {
            return Err(bad("messages.0.role: Input should be 'user' or 'assistant'"));
        }
        prompt.turn(role);
        after_tool = content(message.get("content").unwrap_or(&Value::Null), &mut prompt);
    }
    // A mark on the request itself covers all of the prompt.
    mark(body, &mut prompt);
    let thinking = body.pointer("/thinking/type").and_then(Value::as_str);
    Ok(Ask {
        model: model.to_owned(),
        prompt,
        cap,
        tools,
        choice: choice(body.get("tool_choice")),
        after_tool,
        schema: body.pointer("/output_config/format/schema").cloned(),
        reasoning: matches!(thinking, Some("enabled" | "adaptive")),
        stream: body.get("stream").and_then(Value::as_bool).unwrap_or(false),
    })
}

/// True if the content carries a tool's result.
fn content(content: &Value, prompt: &mut Prompt) -> bool {
    let mut is_result = false;
    match content {
        Value::String(text) => prompt.text(text),
        Value::Array(blocks) => {
            for block in blocks {
                match block.get("type").and_then(Value::as_str) {
                    Some("text") => prompt.text(block.get("text").and_then(Value::as_str).unwrap_or_default()),
                    Some("image") => prompt.image(&block.get("source").unwrap_or(&Value::Null).to_string()),
                    Some("tool_result") => {
                        is_result = true;
                        prompt.json(block);
                    }
                    _ => prompt.json(block),
                }
                mark(block, prompt);
            }
        }
        _ => {}
    }
    is_result
}

fn mark(carrier: &Value, prompt: &mut Prompt) {
    if let Some(control) = carrier.get("cache_control").filter(|control| control.is_object()) {
        let hour = control.get("ttl").and_then(Value::as_str) == Some("1h");
        prompt.mark(if hour { Ttl::OneHour } else { Ttl::FiveMinutes });
    }
}

fn tools(body: &Value, prompt: &mut Prompt) -> Vec<Tool> {
    let Some(tools) = body.get("tools").and_then(Value::as_array) else { return Vec::new() };
    prompt.turn("tools");
    let mut known = Vec::new();
    for tool in tools {
        prompt.json(tool);
        mark(tool, prompt);
        if let Some(name) = tool.get("name").and_then(Value::as_str) {
            known.push(Tool {
                name: name.to_owned(),
                schema: tool.get("input_schema").cloned().unwrap_or_else(|| json!({"type": "object"})),
            });
        }
    }
    known
}

fn choice(choice: Option<&Value>) -> Choice {
    let Some(choice) = choice else { return Choice::Auto };
    match choice.get("type").and_then(Value::as_str) {
        Some("none") => Choice::Never,
        Some("tool") => {
            choice.get("name").and_then(Value::as_str).map_or(Choice::Auto, |name| Choice::Named(name.to_owned()))
        }
        _ => Choice::Auto,
    }
}
