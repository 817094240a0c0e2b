//! `embeddings`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::string;
use crate::sandbox::Request;
use crate::sandbox::ask::tokens_in;
use crate::sandbox::knobs::Knobs;
use crate::sandbox::script::Scripted;

/// Dimensions of a vector when nobody says how many.
const DIMENSIONS: u64 = 256;
/// Nobody needs more.
const MAX_DIMENSIONS: u64 = 4096;
/// Nobody may send more texts at once.
const MAX_INPUTS: usize = 2048;

pub(super) fn answer(_: &Request<'_>, asked: &Value, knobs: &Knobs) -> Scripted {
    let inputs = match asked.get("input") {
        // A list of numbers is one text in tokens.
        Some(Value::Array(items)) if items.first().is_some_and(|item| !item.is_number()) => items.clone(),
        Some(one) => vec![one.clone()],
        None => Vec::new(),
    };
    let length = asked.get("dimensions").and_then(Value::as_u64).unwrap_or(DIMENSIONS).clamp(1, MAX_DIMENSIONS);
    let packed = asked.get("encoding_format").is_some_and(|format| format == "base64");
    let rows: Vec<Value> = inputs
        .iter()
        .take(MAX_INPUTS)
        .enumerate()
        .map(|(index, input)| {
            let vector = vector(&input.to_string(), length);
            let embedding = if packed { pack(&vector).into() } else { json!(vector) };
            json!({"object": "embedding", "index": index, "embedding": embedding})
        })
        .collect();
    let tokens = inputs.iter().map(tokens_in).sum::<u64>().max(1);
    let mut answer = json!({"object": "list", "data": rows, "model": string(asked, "model")});
    if let (false, Value::Object(fields)) = (knobs.no_usage, &mut answer) {
        fields.insert("usage".to_owned(), json!({"prompt_tokens": tokens, "total_tokens": tokens}));
    }
    Scripted::good(knobs, &answer)
}

/// Numbers between -1 and 1 that depend on the text and on nothing else.
pub(in crate::sandbox) fn vector(text: &str, length: u64) -> Vec<f32> {
    let seed = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    (0..length)
        .map(|at| {
            let mixed = (seed ^ at.wrapping_mul(0x9e37_79b9_7f4a_7c15)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let [high, low, ..] = mixed.to_be_bytes();
            f32::from(i16::from_be_bytes([high, low])) / 32_768.0
        })
        .collect()
}

fn pack(vector: &[f32]) -> String {
    STANDARD.encode(vector.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>())
}
