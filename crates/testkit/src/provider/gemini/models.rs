//! `GET /{version}/models` with its page tokens, and `/{version}/models/{model}`

use serde_json::{Value, json};

use super::super::bill::Usage;
use super::super::call::{Authenticated, Prepared};
use super::super::refusal::VendorError;
use super::super::route::query_value;
use super::super::vendor::Vendor;
use super::bad;

/// Cards on a page where the caller names no size.
const PAGE: usize = 50;

pub(super) fn list(call: &Authenticated<'_>) -> Result<Prepared, VendorError> {
    let size = match query_value(call.uri, "pageSize") {
        None => PAGE,
        Some(text) => {
            text.parse().ok().filter(|size| *size > 0).ok_or_else(|| bad("* ListModelsRequest.page_size: invalid"))?
        }
    };
    let begin: usize = query_value(call.uri, "pageToken").and_then(|token| token.parse().ok()).unwrap_or(0);
    let all: Vec<String> = call.shared.read(|state| {
        state.models.iter().filter(|(vendor, _)| *vendor == Vendor::Gemini).map(|(_, model)| model.clone()).collect()
    });
    let page: Vec<Value> = all.iter().skip(begin).take(size).map(|model| card(model)).collect();
    let mut body = json!({"models": page});
    if let (Some(fields), true) = (body.as_object_mut(), begin + size < all.len()) {
        fields.insert("nextPageToken".to_owned(), json!((begin + size).to_string()));
    }
    Ok(Prepared::json(&body, Usage::default()))
}

pub(super) fn show(call: &Authenticated<'_>) -> Result<Prepared, VendorError> {
    if !call.shared.read(|state| state.models.contains(&(Vendor::Gemini, call.model.to_owned()))) {
        return Err(VendorError::ModelNotFound(call.model.to_owned()));
    }
    Ok(Prepared::json(&card(call.model), Usage::default()))
}

fn card(model: &str) -> Value {
    let methods = if model.contains("embedding") {
        json!(["embedContent", "countTokens"])
    } else {
        json!(["generateContent", "countTokens"])
    };
    json!({"name": format!("models/{model}"), "version": "001", "displayName": model, "description": "A scripted model.",
        "inputTokenLimit": 1_048_576, "outputTokenLimit": 65_536, "supportedGenerationMethods": methods,
        "temperature": 1.0, "topP": 0.95, "topK": 64})
}
