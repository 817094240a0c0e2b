//! The OpenAI dialect, one file per family of endpoints.

mod audio;
mod chat;
mod chunk;
mod embeddings;
mod images;
mod models;
mod moderations;
mod reading;
mod responses;

use serde_json::{Value, json};

use super::bill::Usage;
use super::call::{Authenticated, Prepared};
use super::refusal::VendorError;
use super::vendor::{Operation, Vendor};

/// The moment at which everything was "created"; fixed, so that answers depend on the request alone.
pub(crate) const CREATED: u64 = 1_790_000_000;

/// Answers an authenticated OpenAI call.
pub(crate) fn answer(call: &Authenticated<'_>) -> Result<Prepared, VendorError> {
    match call.operation {
        Operation::ListModels => return Ok(models::list(call)),
        Operation::ShowModel => return models::show(call),
        _ => {}
    }
    let is_form = matches!(call.operation, Operation::ImageEdits | Operation::Transcriptions | Operation::Translations);
    if !is_form && !call.json.is_object() {
        return Err(bad(
            "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP \
             library correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON.)",
            None,
        ));
    }
    let has_default = call.operation == Operation::Moderations;
    if call.model.is_empty() && !has_default {
        return Err(bad("you must provide a model parameter", Some("model")));
    }
    let is_known = call.shared.read(|state| state.models.contains(&(Vendor::OpenAi, call.model.to_owned())));
    if !is_known && !call.model.is_empty() {
        return Err(VendorError::ModelNotFound(call.model.to_owned()));
    }
    match call.operation {
        Operation::Completions => chat::complete(call),
        Operation::Responses => responses::respond(call),
        Operation::InputTokens => responses::count(call),
        Operation::Embeddings => embeddings::embed(call),
        Operation::ImageGenerations => images::generate(call),
        Operation::ImageEdits => images::edit(call),
        Operation::Speech => audio::speak(call),
        Operation::Transcriptions => audio::transcribe(call),
        Operation::Translations => audio::translate(call),
        Operation::Moderations => moderations::judge(call),
        _ => chat::chat(call),
    }
}

fn bad(message: &str, param: Option<&str>) -> VendorError {
    VendorError::BadRequest(message.to_owned(), param.map(str::to_owned))
}

/// Usage as chat and completions tell it: every count includes its parts.
fn chat_usage(usage: &Usage) -> Value {
    json!({
        "prompt_tokens": usage.input(),
        "completion_tokens": usage.output,
        "total_tokens": usage.input() + usage.output,
        "prompt_tokens_details": {"cached_tokens": usage.cache_read, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning, "audio_tokens": 0,
            "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0},
    })
}

/// Usage as Responses and images tell it.
fn response_usage(usage: &Usage) -> Value {
    json!({
        "input_tokens": usage.input(),
        "input_tokens_details": {"cached_tokens": usage.cache_read, "cache_write_tokens": 0},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.input() + usage.output,
    })
}
