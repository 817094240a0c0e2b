//! `POST /v1/moderations`

use serde_json::{Value, json};

use super::super::bill::Usage;
use super::super::call::{Authenticated, Prepared};
use super::super::refusal::VendorError;
use super::bad;

const CATEGORIES: [&str; 13] = [
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/instructions",
    "self-harm/intent",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
];

/// Flags whatever contains the word "violence".
pub(super) fn judge(call: &Authenticated<'_>) -> Result<Prepared, VendorError> {
    let input = call.json.get("input").ok_or_else(|| bad("Missing required parameter: 'input'.", Some("input")))?;
    let texts: Vec<String> = match input {
        Value::Array(list) if list.iter().all(Value::is_string) => {
            list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
        }
        other => vec![other.to_string()],
    };
    let results: Vec<Value> = texts.iter().map(|text| verdict(text.contains("violence"))).collect();
    let model = if call.model.is_empty() { "omni-moderation-latest" } else { call.model };
    Ok(Prepared::json(&json!({"id": "modr-scripted", "model": model, "results": results}), Usage::default()))
}

fn verdict(flagged: bool) -> Value {
    let hit = |name: &str| flagged && name == "violence";
    let flags: serde_json::Map<String, Value> =
        CATEGORIES.iter().map(|name| ((*name).to_owned(), json!(hit(name)))).collect();
    let scores: serde_json::Map<String, Value> =
        CATEGORIES.iter().map(|name| ((*name).to_owned(), json!(if hit(name) { 0.98 } else { 0.001 }))).collect();
    let kinds: serde_json::Map<String, Value> =
        CATEGORIES.iter().map(|name| ((*name).to_owned(), json!(["text"]))).collect();
    json!({"flagged": flagged, "categories": flags, "category_scores": scores, "category_applied_input_types": kinds})
}
