//! What calls cost, in nano-dollars per token.

use super::fleet::Provider;
use super::traffic::{Call, Model};

struct Price {
    input: u64,
    output: u64,
}

/// Cached input costs this part of the price.
const CACHED_PART: u64 = 10;

/// What an answer costs of whose prompt so much was cached.
pub fn cost(provider: Provider, call: &Call, cached: u64) -> i64 {
    let Price { input, output } = price(provider, call.model);
    let new = call.prompt.saturating_sub(cached);
    let cost = new * input + cached * input / CACHED_PART + call.output * output;
    i64::try_from(cost).unwrap_or(i64::MAX)
}

const fn price(provider: Provider, model: Model) -> Price {
    match (provider, model) {
        (Provider::North, Model::Large) => Price { input: 2_500, output: 10_000 },
        (Provider::North, Model::Small) => Price { input: 150, output: 600 },
        (Provider::South, _) => Price { input: 3_000, output: 15_000 },
    }
}
