//! `:embedContent` and `:batchEmbedContents`; neither tells usage, both are billed.

use serde_json::{Value, json};

use super::super::bill::Usage;
use super::super::call::{Authenticated, Prepared};
use super::super::refusal::VendorError;
use super::super::text::toy_tokens;
use super::super::vector::{DIMENSIONS, vector};
use super::{bad, reading};

/// Requests in one batch at most.
const MAX_BATCH: usize = 100;

pub(super) fn one(call: &Authenticated<'_>) -> Result<Prepared, VendorError> {
    let (embedding, tokens) = embedding(call.model, call.json)?;
    Ok(Prepared::json(&json!({"embedding": embedding}), Usage { uncached_input: tokens, ..Usage::default() }))
}

pub(super) fn many(call: &Authenticated<'_>) -> Result<Prepared, VendorError> {
    let requests = call.json.get("requests").and_then(Value::as_array).filter(|requests| !requests.is_empty());
    let requests = requests.ok_or_else(|| bad("* BatchEmbedContentsRequest.requests: requests is not specified"))?;
    if requests.len() > MAX_BATCH {
        return Err(bad("* BatchEmbedContentsRequest.requests: at most 100 requests can be in one batch"));
    }
    let mut embeddings = Vec::new();
    let mut total = 0;
    for request in requests {
        let (embedding, tokens) = embedding(call.model, request)?;
        embeddings.push(embedding);
        total += tokens;
    }
    Ok(Prepared::json(&json!({"embeddings": embeddings}), Usage { uncached_input: total, ..Usage::default() }))
}

fn embedding(model: &str, request: &Value) -> Result<(Value, u64), VendorError> {
    let content =
        request.get("content").ok_or_else(|| bad("* EmbedContentRequest.content: content is not specified"))?;
    let text = reading::text(content);
    let dimensions = request
        .get("outputDimensionality")
        .or_else(|| request.pointer("/embedContentConfig/outputDimensionality"))
        .and_then(Value::as_u64)
        .unwrap_or(DIMENSIONS);
    Ok((json!({"values": vector(model, &text, dimensions)}), toy_tokens(&text)))
}
