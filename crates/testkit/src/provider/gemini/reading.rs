//! Reading a Gemini request into what it asks. Both spellings of a field are known, as to the vendor.

use serde_json::{Value, json};

use super::super::answer::{Ask, Choice, Tool};
use super::super::prompt::Prompt;
use super::super::refusal::VendorError;
use super::bad;

pub(super) fn request(model: &str, body: &Value) -> Result<Ask, VendorError> {
    let contents = body.get("contents").and_then(Value::as_array).filter(|contents| !contents.is_empty());
    let contents = contents.ok_or_else(|| bad("* GenerateContentRequest.contents: contents is not specified"))?;
    let config = either(body, "generationConfig", "generation_config").unwrap_or(&Value::Null);
    if let Some(temperature) = config.get("temperature").and_then(Value::as_f64)
        && !(0.0..=2.0).contains(&temperature)
    {
        return Err(bad(
            "* GenerateContentRequest.generation_config.temperature: temperature must be in the range [0.0, 2.0].",
        ));
    }
    let mut prompt = Prompt::default();
    let tools = tools(body, &mut prompt);
    if let Some(system) = either(body, "systemInstruction", "system_instruction") {
        prompt.turn("system");
        parts(system, &mut prompt);
    }
    let mut after_tool = false;
    for content in contents {
        prompt.turn(content.get("role").and_then(Value::as_str).unwrap_or("user"));
        after_tool = parts(content, &mut prompt);
    }
    Ok(Ask {
        model: model.to_owned(),
        prompt,
        cap: either(config, "maxOutputTokens", "max_output_tokens").and_then(Value::as_u64),
        tools,
        choice: choice(body),
        after_tool,
        schema: schema(config),
        reasoning: reasons(config),
        stream: false,
    })
}

/// The text of one content, for embeddings.
pub(super) fn text(content: &Value) -> String {
    let parts = content.get("parts").and_then(Value::as_array);
    parts.into_iter().flatten().filter_map(|part| part.get("text").and_then(Value::as_str)).collect()
}

/// Whether thoughts are shown, not only counted.
pub(super) fn shows_thoughts(body: &Value) -> bool {
    either(body, "generationConfig", "generation_config")
        .and_then(|config| either(config, "thinkingConfig", "thinking_config"))
        .and_then(|thinking| either(thinking, "includeThoughts", "include_thoughts"))
        .and_then(Value::as_bool)
        .unwrap_or(false)
}

fn either<'a>(value: &'a Value, camel: &str, snake: &str) -> Option<&'a Value> {
    value.get(camel).or_else(|| value.get(snake))
}

/// True if the parts carry a tool's result.
fn parts(content: &Value, prompt: &mut Prompt) -> bool {
    let mut is_result = false;
    let parts = content.get("parts").and_then(Value::as_array);
    for part in parts.into_iter().flatten() {
        let image = either(part, "inlineData", "inline_data").or_else(|| either(part, "fileData", "file_data"));
        match (part.get("text").and_then(Value::as_str), image) {
            (Some(text), _) => prompt.text(text),
            (None, Some(data)) => prompt.image(&data.to_string()),
            (None, None) => {
                is_result |= either(part, "functionResponse", "function_response").is_some();
                prompt.json(part);
            }
        }
    }
    is_result
}

fn tools(body: &Value, prompt: &mut Prompt) -> Vec<Tool> {
    let Some(tools) = body.get("tools").and_then(Value::as_array).filter(|tools| !tools.is_empty()) else {
        return Vec::new();
    };
    prompt.turn("tools");
    let mut known = Vec::new();
    for tool in tools {
        prompt.json(tool);
        let declared = either(tool, "functionDeclarations", "function_declarations").and_then(Value::as_array);
        for function in declared.into_iter().flatten() {
            if let Some(name) = function.get("name").and_then(Value::as_str) {
                let schema = either(function, "parametersJsonSchema", "parameters_json_schema")
                    .or_else(|| function.get("parameters"));
                known.push(Tool {
                    name: name.to_owned(),
                    schema: schema.cloned().unwrap_or_else(|| json!({"type": "object"})),
                });
            }
        }
    }
    known
}

fn choice(body: &Value) -> Choice {
    let calling = either(body, "toolConfig", "tool_config")
        .and_then(|config| either(config, "functionCallingConfig", "function_calling_config"));
    let Some(calling) = calling else { return Choice::Auto };
    let named = either(calling, "allowedFunctionNames", "allowed_function_names").and_then(|names| names.get(0));
    match (calling.get("mode").and_then(Value::as_str), named.and_then(Value::as_str)) {
        (Some("NONE"), _) => Choice::Never,
        (Some("ANY"), Some(name)) => Choice::Named(name.to_owned()),
        _ => Choice::Auto,
    }
}

fn schema(config: &Value) -> Option<Value> {
    let schema = either(config, "responseJsonSchema", "response_json_schema")
        .or_else(|| either(config, "responseSchema", "response_schema"));
    if let Some(schema) = schema {
        return Some(schema.clone());
    }
    let kind = either(config, "responseMimeType", "response_mime_type").and_then(Value::as_str);
    (kind == Some("application/json")).then(|| json!({"type": "object", "properties": {"answer": {"type": "string"}}}))
}

/// A budget of 0 switches thinking off; no configuration means none here.
fn reasons(config: &Value) -> bool {
    let Some(thinking) = either(config, "thinkingConfig", "thinking_config") else { return false };
    either(thinking, "thinkingBudget", "thinking_budget").and_then(Value::as_i64) != Some(0)
}
