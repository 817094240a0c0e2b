//! The Anthropic dialect.

mod messages;
mod models;
mod reading;
mod stream;

use serde_json::{Value, json};

use super::bill::Usage;
use super::call::{Authenticated, Prepared};
use super::refusal::VendorError;
use super::vendor::{Operation, Vendor};

/// The newer of the two live versions: sampling parameters are refused.
const VERSION_WITHOUT_SAMPLING: &str = "2026-10-21";

/// The older one.
const VERSION_WITH_SAMPLING: &str = "2023-06-01";

/// Answers an authenticated Anthropic call.
pub(crate) fn answer(call: &Authenticated<'_>) -> Result<Prepared, VendorError> {
    let version = version(call)?;
    match call.operation {
        Operation::ListModels => return models::list(call),
        Operation::ShowModel => return models::show(call),
        _ => {}
    }
    if !call.json.is_object() {
        return Err(bad("The request body is not valid JSON"));
    }
    if call.model.is_empty() {
        return Err(bad("model: Field required"));
    }
    if !call.shared.read(|state| state.models.contains(&(Vendor::Anthropic, call.model.to_owned()))) {
        return Err(VendorError::ModelNotFound(call.model.to_owned()));
    }
    if version == VERSION_WITHOUT_SAMPLING {
        for name in ["temperature", "top_p", "top_k"] {
            if call.json.get(name).is_some() {
                return Err(bad(&format!("{name}: Extra inputs are not permitted")));
            }
        }
    }
    match call.operation {
        Operation::CountMessageTokens => messages::count(call),
        _ => messages::message(call),
    }
}

fn version<'a>(call: &Authenticated<'a>) -> Result<&'a str, VendorError> {
    let sent = call.headers.get("anthropic-version").ok_or_else(|| bad("anthropic-version: header is required"))?;
    match sent.to_str() {
        Ok(version @ (VERSION_WITH_SAMPLING | VERSION_WITHOUT_SAMPLING)) => Ok(version),
        _ => Err(bad("anthropic-version: not a valid version")),
    }
}

fn bad(message: &str) -> VendorError {
    VendorError::BadRequest(message.to_owned(), None)
}

/// Usage as Anthropic tells it: `input_tokens` leaves the cache buckets out.
fn told(usage: &Usage) -> Value {
    json!({
        "input_tokens": usage.uncached_input,
        "cache_creation_input_tokens": usage.cache_write_5m + usage.cache_write_1h,
        "cache_read_input_tokens": usage.cache_read,
        "cache_creation": {"ephemeral_5m_input_tokens": usage.cache_write_5m,
            "ephemeral_1h_input_tokens": usage.cache_write_1h},
        "output_tokens": usage.output,
        "output_tokens_details": {"thinking_tokens": usage.reasoning},
        "service_tier": "standard",
    })
}
