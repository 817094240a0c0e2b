//! `GET /v1beta/models` of Gemini, with its pages: `pageSize`, `pageToken`.

use serde::Serialize;

use super::ModelCard;
use super::page::{BadPage, parameter, size};

/// Models on a page unless asked otherwise.
const DEFAULT_PAGE: usize = 50;
/// The most models on a page.
const MAX_PAGE: usize = 1000;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Model<'a> {
    name: String,
    version: &'static str,
    display_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    input_token_limit: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_token_limit: Option<u64>,
    supported_generation_methods: &'static [&'static str],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct List<'a> {
    models: Vec<Model<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_token: Option<&'a str>,
}

pub(super) fn model(card: &ModelCard) -> Model<'_> {
    Model {
        name: if card.id.starts_with("models/") { card.id.clone() } else { format!("models/{}", card.id) },
        version: "001",
        display_name: &card.display,
        input_token_limit: card.context,
        output_token_limit: card.max_output,
        supported_generation_methods: methods(card),
    }
}

pub(super) fn list<'a>(cards: &'a [ModelCard], query: &str) -> Result<List<'a>, BadPage> {
    let size = size(query, "pageSize", DEFAULT_PAGE, MAX_PAGE)?;
    // The token is the name of the last model of the page before.
    let from = match parameter(query, "pageToken").filter(|token| !token.is_empty()) {
        None => 0,
        Some(token) => 1 + cards.iter().position(|card| card.id == token).ok_or(BadPage("pageToken"))?,
    };
    let rest = cards.get(from..).unwrap_or_default();
    let page = rest.get(..size).unwrap_or(rest);
    let more = rest.len() > page.len();
    let next_page_token = page.last().filter(|_| more).map(|card| card.id.as_str());
    Ok(List { models: page.iter().map(model).collect(), next_page_token })
}

/// A hint for clients that pick a model by what it can do; Google's embedding models all carry it in their names.
fn methods(card: &ModelCard) -> &'static [&'static str] {
    if card.id.contains("embed") {
        return &["embedContent", "batchEmbedContents", "countTokens"];
    }
    &["generateContent", "streamGenerateContent", "countTokens"]
}
