//! Reading chat and Responses requests into what they ask.

use serde_json::{Value, json};

use super::super::answer::{Ask, Choice, Tool};
use super::super::prompt::Prompt;
use super::super::refusal::VendorError;
use super::bad;

/// A chat request.
pub(super) fn chat(model: &str, body: &Value) -> Result<Ask, VendorError> {
    let messages = body
        .get("messages")
        .and_then(Value::as_array)
        .ok_or_else(|| bad("Missing required parameter: 'messages'.", Some("messages")))?;
    if messages.is_empty() {
        return Err(bad(
            "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead.",
            Some("messages"),
        ));
    }
    check_temperature(body)?;
    let mut prompt = Prompt::default();
    let tools = tools(body, &mut prompt);
    let mut after_tool = false;
    for message in messages {
        let role = message
            .get("role")
            .and_then(Value::as_str)
            .ok_or_else(|| bad("Missing required parameter: 'messages[0].role'.", Some("messages[0].role")))?;
        prompt.turn(role);
        content(message.get("content").unwrap_or(&Value::Null), &mut prompt);
        if let Some(calls) = message.get("tool_calls") {
            prompt.json(calls);
        }
        after_tool = role == "tool";
    }
    Ok(Ask {
        model: model.to_owned(),
        prompt,
        cap: cap(body, &["max_completion_tokens", "max_tokens"])?,
        tools,
        choice: choice(body.get("tool_choice")),
        after_tool,
        schema: chat_schema(body.get("response_format")),
        reasoning: reasons(body.get("reasoning_effort")),
        stream: body.get("stream").and_then(Value::as_bool).unwrap_or(false),
    })
}

/// A legacy completion: the prompt is one user turn.
pub(super) fn completion(model: &str, body: &Value) -> Result<Ask, VendorError> {
    let mut prompt = Prompt::default();
    prompt.turn("user");
    match body.get("prompt") {
        Some(Value::String(text)) => prompt.text(text),
        Some(Value::Array(texts)) => texts.iter().filter_map(Value::as_str).for_each(|text| prompt.text(text)),
        _ => return Err(bad("Missing required parameter: 'prompt'.", Some("prompt"))),
    }
    Ok(Ask {
        model: model.to_owned(),
        prompt,
        cap: cap(body, &["max_tokens"])?.or(Some(16)),
        stream: body.get("stream").and_then(Value::as_bool).unwrap_or(false),
        ..Ask::default()
    })
}

/// A Responses request; counting uses it too.
pub(super) fn response(model: &str, body: &Value) -> Result<Ask, VendorError> {
    let mut prompt = Prompt::default();
    let tools = tools(body, &mut prompt);
    if let Some(instructions) = body.get("instructions").and_then(Value::as_str) {
        prompt.turn("system");
        prompt.text(instructions);
    }
    let mut after_tool = false;
    match body.get("input") {
        Some(Value::String(text)) => {
            prompt.turn("user");
            prompt.text(text);
        }
        Some(Value::Array(items)) if !items.is_empty() => {
            for item in items {
                after_tool = item.get("type").and_then(Value::as_str) == Some("function_call_output");
                prompt.turn(item.get("role").and_then(Value::as_str).unwrap_or("item"));
                match item.get("content") {
                    Some(parts) => content(parts, &mut prompt),
                    None => prompt.json(item),
                }
            }
        }
        _ => return Err(bad("Missing required parameter: 'input'.", Some("input"))),
    }
    check_temperature(body)?;
    Ok(Ask {
        model: model.to_owned(),
        prompt,
        cap: cap(body, &["max_output_tokens"])?,
        tools,
        choice: choice(body.get("tool_choice")),
        after_tool,
        schema: response_schema(body.pointer("/text/format")),
        reasoning: reasons(body.pointer("/reasoning/effort")),
        stream: body.get("stream").and_then(Value::as_bool).unwrap_or(false),
    })
}

fn check_temperature(body: &Value) -> Result<(), VendorError> {
    match body.get("temperature").and_then(Value::as_f64) {
        Some(value) if !(0.0..=2.0).contains(&value) => {
            Err(bad("Invalid 'temperature': decimal above maximum value. Expected a value <= 2.", Some("temperature")))
        }
        _ => Ok(()),
    }
}

fn cap(body: &Value, names: &[&str]) -> Result<Option<u64>, VendorError> {
    for name in names {
        match body.get(*name) {
            None | Some(Value::Null) => {}
            Some(value) => match value.as_u64() {
                Some(tokens) if tokens > 0 => return Ok(Some(tokens)),
                _ => return Err(bad(&format!("Invalid '{name}': integer below minimum value."), Some(name))),
            },
        }
    }
    Ok(None)
}

fn content(content: &Value, prompt: &mut Prompt) {
    match content {
        Value::String(text) => prompt.text(text),
        Value::Array(parts) => {
            for part in parts {
                let image = part.pointer("/image_url/url").or_else(|| part.get("image_url")).and_then(Value::as_str);
                match (part.get("text").and_then(Value::as_str), image) {
                    (Some(text), _) => prompt.text(text),
                    (None, Some(url)) => prompt.image(url),
                    (None, None) => prompt.json(part),
                }
            }
        }
        _ => {}
    }
}

/// Chat nests a tool's name and schema under `function`, Responses does not.
fn tools(body: &Value, prompt: &mut Prompt) -> Vec<Tool> {
    let Some(tools) = body.get("tools").and_then(Value::as_array) else { return Vec::new() };
    prompt.turn("tools");
    let mut known = Vec::new();
    for tool in tools {
        prompt.json(tool);
        let inner = tool.get("function").unwrap_or(tool);
        if let Some(name) = inner.get("name").and_then(Value::as_str) {
            known.push(Tool {
                name: name.to_owned(),
                schema: inner.get("parameters").cloned().unwrap_or_else(|| json!({"type": "object"})),
            });
        }
    }
    known
}

fn choice(choice: Option<&Value>) -> Choice {
    match choice {
        Some(Value::String(word)) if word == "none" => Choice::Never,
        Some(Value::Object(named)) => named
            .get("function")
            .and_then(|function| function.get("name"))
            .or_else(|| named.get("name"))
            .and_then(Value::as_str)
            .map_or(Choice::Auto, |name| Choice::Named(name.to_owned())),
        _ => Choice::Auto,
    }
}

fn chat_schema(format: Option<&Value>) -> Option<Value> {
    let format = format?;
    match format.get("type").and_then(Value::as_str)? {
        "json_schema" => format.pointer("/json_schema/schema").cloned(),
        "json_object" => Some(json!({"type": "object", "properties": {"answer": {"type": "string"}}})),
        _ => None,
    }
}

fn response_schema(format: Option<&Value>) -> Option<Value> {
    let format = format?;
    match format.get("type").and_then(Value::as_str)? {
        "json_schema" => format.get("schema").cloned(),
        "json_object" => Some(json!({"type": "object", "properties": {"answer": {"type": "string"}}})),
        _ => None,
    }
}

fn reasons(effort: Option<&Value>) -> bool {
    effort.and_then(Value::as_str).is_some_and(|word| !matches!(word, "none" | "minimal"))
}
