//! Embedding vectors: short, exact in `f32`, a function of the text.

use super::text::{fingerprint, mix};

/// Length of a vector where the caller names none.
pub(crate) const DIMENSIONS: u64 = 16;

/// The longest vector made.
const MAX_DIMENSIONS: u64 = 4096;

/// Multiples of 1/1024 between -1 and 1, so that text and binary encodings agree to the bit.
pub(crate) fn vector(model: &str, text: &str, dimensions: u64) -> Vec<f32> {
    let seed = fingerprint(&[model.as_bytes(), text.as_bytes()]);
    (0..dimensions.min(MAX_DIMENSIONS))
        .map(|position| {
            let step = u16::try_from(mix(seed ^ (position + 1)) % 2049).unwrap_or(0);
            (f32::from(step) - 1024.0) / 1024.0
        })
        .collect()
}
