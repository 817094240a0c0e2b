//! `GET /v1/models` with its pagination, and `/v1/models/{id}`

use serde_json::{Value, json};

use super::super::bill::Usage;
use super::super::call::{Authenticated, Prepared};
use super::super::refusal::VendorError;
use super::super::route::query_value;
use super::super::vendor::Vendor;
use super::bad;

/// Cards on a page where the caller names no limit, and at most.
const PAGE: usize = 20;
const MAX_PAGE: usize = 1000;

pub(super) fn list(call: &Authenticated<'_>) -> Result<Prepared, VendorError> {
    let limit = match query_value(call.uri, "limit") {
        None => PAGE,
        Some(text) => text
            .parse()
            .ok()
            .filter(|limit| (1..=MAX_PAGE).contains(limit))
            .ok_or_else(|| bad("limit: Input should be between 1 and 1000"))?,
    };
    let all: Vec<String> = call.shared.read(|state| {
        state.models.iter().filter(|(vendor, _)| *vendor == Vendor::Anthropic).map(|(_, model)| model.clone()).collect()
    });
    let after = query_value(call.uri, "after_id");
    let before = query_value(call.uri, "before_id");
    let begin = after.and_then(|id| all.iter().position(|model| *model == id)).map_or(0, |position| position + 1);
    let end = before.and_then(|id| all.iter().position(|model| *model == id)).unwrap_or(all.len());
    let window = all.get(begin..end.max(begin)).unwrap_or_default();
    let page = window.get(..limit.min(window.len())).unwrap_or_default();
    let cards: Vec<Value> = page.iter().map(|model| card(model)).collect();
    let body =
        json!({"data": cards, "has_more": window.len() > page.len(), "first_id": page.first(), "last_id": page.last()});
    Ok(Prepared::json(&body, Usage::default()))
}

pub(super) fn show(call: &Authenticated<'_>) -> Result<Prepared, VendorError> {
    if !call.shared.read(|state| state.models.contains(&(Vendor::Anthropic, call.model.to_owned()))) {
        return Err(VendorError::ModelNotFound(call.model.to_owned()));
    }
    Ok(Prepared::json(&card(call.model), Usage::default()))
}

fn card(model: &str) -> Value {
    json!({"id": model, "type": "model", "display_name": model, "created_at": "2026-01-01T00:00:00Z",
        "lifecycle": "active", "deprecated_at": null, "retires_at": null, "max_input_tokens": 200_000,
        "max_tokens": 64_000})
}
