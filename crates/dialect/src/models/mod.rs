//! The list of models, and one model, as each dialect spells them.

mod anthropic;
mod gemini;
mod moment;
mod openai;
mod page;

use bytes::Bytes;
use keyward_domain::dialect::Dialect;
use serde::Serialize;

pub use page::BadPage;

/// A model that the caller may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelCard {
    /// The name to send as `model`.
    pub id: String,
    /// When it came out, in seconds since 1970; 0 when that is unknown.
    pub created: i64,
    /// Who offers it.
    pub owner: String,
    /// The longest prompt, in tokens.
    pub context: Option<u64>,
    /// The longest answer, in tokens.
    pub max_output: Option<u64>,
    /// The name for people.
    pub display: String,
}

/// One model.
pub fn one(dialect: Dialect, card: &ModelCard) -> Bytes {
    match dialect {
        Dialect::OpenAi => json(&openai::model(card)),
        Dialect::Anthropic => json(&anthropic::model(card)),
        Dialect::Gemini => json(&gemini::model(card)),
    }
}

/// The models in this order, or the page of them that the request's query asks for. OpenAI knows no pages.
pub fn list(dialect: Dialect, cards: &[ModelCard], query: &str) -> Result<Bytes, BadPage> {
    Ok(match dialect {
        Dialect::OpenAi => json(&openai::list(cards)),
        Dialect::Anthropic => json(&anthropic::list(cards, query)?),
        Dialect::Gemini => json(&gemini::list(cards, query)?),
    })
}

fn json(value: &impl Serialize) -> Bytes {
    // Cannot fail: plain structs and strings, written to memory. If it ever did, an empty object is still JSON.
    serde_json::to_vec(value).unwrap_or_else(|_| b"{}".to_vec()).into()
}
