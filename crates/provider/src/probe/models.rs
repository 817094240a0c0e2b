//! Lists of models in the forms that vendors give them.

use std::fmt::Write;

use serde_json::Value;

/// More models than this are nobody's list.
const MAX_MODELS: usize = 10_000;
/// Longer names are nobody's.
const MAX_NAME: usize = 256;

/// One page.
pub(super) struct Page {
    pub(super) models: Vec<String>,
    /// Where the next page begins, when there is one.
    pub(super) cursor: Option<String>,
    /// Of Gemini's list, the first model that generates.
    pub(super) can_generate: Option<String>,
}

/// OpenAI's `{"data": [{"id"}]}`, Anthropic's with `has_more` and `last_id`, Together's bare array, Gemini's
/// `{"models": [{"name": "models/..."}], "nextPageToken"}`. `None` when it is none of these.
pub(super) fn read(value: &Value) -> Option<Page> {
    let listed =
        value.as_array().or_else(|| value.get("data")?.as_array()).or_else(|| value.get("models")?.as_array())?;
    let models = listed.iter().filter_map(name_of).take(MAX_MODELS).map(str::to_owned).collect();
    let more = value.get("has_more").and_then(Value::as_bool).unwrap_or(false);
    let last = value.get("last_id").filter(|_| more);
    let cursor = last.or_else(|| value.get("nextPageToken")).and_then(Value::as_str).filter(|text| !text.is_empty());
    let can_generate = listed.iter().find(|model| generates(model)).and_then(name_of).map(str::to_owned);
    Some(Page { models, cursor: cursor.map(str::to_owned), can_generate })
}

fn name_of(model: &Value) -> Option<&str> {
    let name = model.get("id").or_else(|| model.get("name"))?.as_str()?;
    let name = name.strip_prefix("models/").unwrap_or(name);
    let plain = !name.is_empty() && name.len() <= MAX_NAME && name.bytes().all(|b| b.is_ascii_graphic());
    plain.then_some(name)
}

fn generates(model: &Value) -> bool {
    let methods = model.get("supportedGenerationMethods").and_then(Value::as_array);
    let plain =
        name_of(model).is_some_and(|name| name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b)));
    plain && methods.into_iter().flatten().any(|method| method == "generateContent")
}

/// Whether a base URL's path ends with `/v1` or the like.
pub(super) fn has_version(prefix: &str) -> bool {
    let last = prefix.rsplit('/').next().unwrap_or_default();
    last.strip_prefix('v').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// A cursor as a query value.
pub(super) fn escaped(cursor: &str) -> String {
    let mut text = String::with_capacity(cursor.len());
    for byte in cursor.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            // Writing into a text cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}
