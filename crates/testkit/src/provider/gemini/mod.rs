//! The Gemini dialect.

mod embed;
mod generate;
mod models;
mod reading;

use super::call::{Authenticated, Prepared};
use super::refusal::VendorError;
use super::vendor::{Operation, Vendor};

/// Answers an authenticated Gemini call.
pub(crate) fn answer(call: &Authenticated<'_>) -> Result<Prepared, VendorError> {
    match call.operation {
        Operation::ListModels => return models::list(call),
        Operation::ShowModel => return models::show(call),
        _ => {}
    }
    if !call.shared.read(|state| state.models.contains(&(Vendor::Gemini, call.model.to_owned()))) {
        return Err(VendorError::ModelNotFound(call.model.to_owned()));
    }
    if !call.json.is_object() {
        return Err(bad("Invalid JSON payload received."));
    }
    match call.operation {
        Operation::CountTokens => generate::count(call),
        Operation::EmbedContent => embed::one(call),
        Operation::BatchEmbedContents => embed::many(call),
        _ => generate::generate(call),
    }
}

fn bad(message: &str) -> VendorError {
    VendorError::BadRequest(message.to_owned(), None)
}
