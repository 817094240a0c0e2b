//! `GET /v1/models` and `/v1/models/{id}`

use serde_json::{Value, json};

use super::super::bill::Usage;
use super::super::call::{Authenticated, Prepared};
use super::super::refusal::VendorError;
use super::super::vendor::Vendor;
use super::CREATED;

pub(super) fn list(call: &Authenticated<'_>) -> Prepared {
    let cards: Vec<Value> = call.shared.read(|state| {
        state.models.iter().filter(|(vendor, _)| *vendor == Vendor::OpenAi).map(|(_, model)| card(model)).collect()
    });
    Prepared::json(&json!({"object": "list", "data": cards}), Usage::default())
}

pub(super) fn show(call: &Authenticated<'_>) -> Result<Prepared, VendorError> {
    let known = call.shared.read(|state| state.models.contains(&(Vendor::OpenAi, call.model.to_owned())));
    if !known {
        return Err(VendorError::ModelNotFound(call.model.to_owned()));
    }
    Ok(Prepared::json(&card(call.model), Usage::default()))
}

fn card(model: &str) -> Value {
    json!({"id": model, "object": "model", "created": CREATED, "owned_by": "system"})
}
