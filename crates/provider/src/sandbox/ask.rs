//! A question, whatever dialect it came in.

use serde_json::Value;

/// No answer is shorter or longer than this many candidates.
const MAX_CANDIDATES: u64 = 8;
/// How deep texts are looked for inside messages.
const MAX_DEPTH: usize = 8;

/// A function that the caller offers.
pub(super) struct Tool {
    pub(super) name: String,
    pub(super) schema: Value,
}

/// What the caller wants.
#[derive(Default)]
pub(super) struct Ask {
    /// The model's name as it was sent.
    pub(super) model: String,
    /// The last thing the user said.
    pub(super) question: String,
    /// What a function answered, when that is the last thing in the conversation.
    pub(super) tool_result: Option<String>,
    /// Functions on offer; empty when none may be called.
    pub(super) tools: Vec<Tool>,
    /// The schema that the answer has to fit.
    pub(super) schema: Option<Value>,
    /// The prompt's length in tokens.
    pub(super) prompt_tokens: u64,
    /// The longest answer, in tokens.
    pub(super) max_tokens: Option<u64>,
    /// How many answers.
    pub(super) candidates: u64,
    pub(super) stream: bool,
}

impl Ask {
    /// The function to call: the one that is demanded, else the first. None after a function has answered.
    pub(super) fn called(&self, demanded: Option<&str>) -> Option<&Tool> {
        if self.tool_result.is_some() {
            return None;
        }
        let named = demanded.and_then(|name| self.tools.iter().find(|tool| tool.name == name));
        named.or_else(|| self.tools.first())
    }

    pub(super) fn with_candidates(mut self, count: Option<u64>) -> Self {
        self.candidates = count.unwrap_or(1).clamp(1, MAX_CANDIDATES);
        self
    }
}

/// Tokens of a text: a token for every four bytes, begun ones included.
pub(super) fn tokens_of(text: &str) -> u64 {
    u64::try_from(text.len()).unwrap_or(u64::MAX).div_ceil(4)
}

/// Tokens of everything that is text in a value, at any depth that messages have.
pub(super) fn tokens_in(value: &Value) -> u64 {
    count(value, MAX_DEPTH)
}

fn count(value: &Value, depth: usize) -> u64 {
    let Some(deeper) = depth.checked_sub(1) else { return 0 };
    match value {
        Value::String(text) if text.starts_with("data:") => 85,
        Value::String(text) => tokens_of(text),
        Value::Array(items) => items.iter().map(|item| count(item, deeper)).sum(),
        Value::Object(fields) => fields.values().map(|item| count(item, deeper)).sum(),
        _ => 1,
    }
}

/// The text of a message's content: a string, or the `text` of its parts.
pub(super) fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let texts = parts.iter().filter_map(|part| part.get("text").or_else(|| part.get("content")));
            texts.map(text_of).collect::<Vec<_>>().join(" ")
        }
        _ => String::new(),
    }
}

/// A text field.
pub(super) fn string(value: &Value, name: &str) -> String {
    value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// A list field; nothing when it is missing.
pub(super) fn list<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    value.get(name).and_then(Value::as_array).into_iter().flatten()
}
