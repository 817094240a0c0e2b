//! `POST /v1/embeddings`

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::super::bill::Usage;
use super::super::call::{Authenticated, Prepared};
use super::super::refusal::VendorError;
use super::super::text::toy_tokens;
use super::super::vector::{DIMENSIONS, vector};
use super::bad;

/// More inputs than this are refused, as the vendor does.
const MAX_INPUTS: usize = 2048;

pub(super) fn embed(call: &Authenticated<'_>) -> Result<Prepared, VendorError> {
    let inputs = inputs(call.json.get("input"))?;
    if inputs.len() > MAX_INPUTS {
        return Err(bad("Invalid 'input': array too long.", Some("input")));
    }
    let dimensions = call.json.get("dimensions").and_then(Value::as_u64).unwrap_or(DIMENSIONS);
    let as_base64 = call.json.get("encoding_format").and_then(Value::as_str) == Some("base64");
    let data: Vec<Value> = inputs
        .iter()
        .enumerate()
        .map(|(index, input)| {
            let values = vector(call.model, &input.text, dimensions);
            let embedding = if as_base64 {
                let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
                json!(STANDARD.encode(bytes))
            } else {
                json!(values)
            };
            json!({"object": "embedding", "index": index, "embedding": embedding})
        })
        .collect();
    let tokens = inputs.iter().map(|input| input.tokens).sum();
    let body = json!({"object": "list", "data": data, "model": call.model,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens}});
    Ok(Prepared::json(&body, Usage { uncached_input: tokens, ..Usage::default() }))
}

struct Input {
    text: String,
    tokens: u64,
}

/// A string, strings, token ids, or lists of token ids.
fn inputs(input: Option<&Value>) -> Result<Vec<Input>, VendorError> {
    let missing = || bad("Missing or invalid parameter: 'input'.", Some("input"));
    let of_text = |text: &str| Input { text: text.to_owned(), tokens: toy_tokens(text) };
    let of_ids = |ids: &[Value]| Input { text: Value::from(ids).to_string(), tokens: ids.len() as u64 };
    match input {
        Some(Value::String(text)) => Ok(vec![of_text(text)]),
        Some(Value::Array(list)) if list.first().is_some_and(Value::is_number) => Ok(vec![of_ids(list)]),
        Some(Value::Array(list)) if !list.is_empty() => list
            .iter()
            .map(|one| match one {
                Value::String(text) => Ok(of_text(text)),
                Value::Array(ids) => Ok(of_ids(ids)),
                _ => Err(missing()),
            })
            .collect(),
        _ => Err(missing()),
    }
}
