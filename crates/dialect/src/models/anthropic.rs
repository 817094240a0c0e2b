//! `GET /v1/models` of Anthropic, with its pages: `limit`, `after_id`, `before_id`.

use serde::Serialize;

use super::ModelCard;
use super::moment::rfc3339;
use super::page::{BadPage, parameter, size};

/// Models on a page unless asked otherwise.
const DEFAULT_PAGE: usize = 20;
/// The most models on a page.
const MAX_PAGE: usize = 1000;

#[derive(Serialize)]
pub(super) struct Model<'a> {
    r#type: &'static str,
    id: &'a str,
    display_name: &'a str,
    created_at: String,
    lifecycle: &'static str,
    max_input_tokens: Option<u64>,
    max_tokens: Option<u64>,
}

#[derive(Serialize)]
pub(super) struct List<'a> {
    data: Vec<Model<'a>>,
    has_more: bool,
    first_id: Option<&'a str>,
    last_id: Option<&'a str>,
}

pub(super) fn model(card: &ModelCard) -> Model<'_> {
    Model {
        r#type: "model",
        id: &card.id,
        display_name: &card.display,
        created_at: rfc3339(card.created),
        lifecycle: "active",
        max_input_tokens: card.context,
        max_tokens: card.max_output,
    }
}

pub(super) fn list<'a>(cards: &'a [ModelCard], query: &str) -> Result<List<'a>, BadPage> {
    let limit = size(query, "limit", DEFAULT_PAGE, MAX_PAGE)?;
    let place = |name: &'static str| {
        let Some(id) = parameter(query, name) else { return Ok(None) };
        cards.iter().position(|card| card.id == id).map(Some).ok_or(BadPage(name))
    };
    let (page, has_more) = match (place("after_id")?, place("before_id")?) {
        (Some(_), Some(_)) => return Err(BadPage("before_id")),
        (after, None) => {
            let rest = cards.get(after.map_or(0, |after| after + 1)..).unwrap_or_default();
            (rest.get(..limit).unwrap_or(rest), rest.len() > limit)
        }
        (None, Some(before)) => {
            let rest = cards.get(..before).unwrap_or_default();
            (rest.get(rest.len().saturating_sub(limit)..).unwrap_or(rest), rest.len() > limit)
        }
    };
    Ok(List {
        data: page.iter().map(model).collect(),
        has_more,
        first_id: page.first().map(|card| card.id.as_str()),
        last_id: page.last().map(|card| card.id.as_str()),
    })
}
