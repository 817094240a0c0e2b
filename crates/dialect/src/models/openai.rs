//! `GET /v1/models` of OpenAI.

use serde::Serialize;

use super::ModelCard;

#[derive(Serialize)]
pub(super) struct Model<'a> {
    id: &'a str,
    object: &'static str,
    created: i64,
    owned_by: &'a str,
}

#[derive(Serialize)]
pub(super) struct List<'a> {
    object: &'static str,
    data: Vec<Model<'a>>,
}

pub(super) fn model(card: &ModelCard) -> Model<'_> {
    Model { id: &card.id, object: "model", created: card.created, owned_by: &card.owner }
}

pub(super) fn list(cards: &[ModelCard]) -> List<'_> {
    List { object: "list", data: cards.iter().map(model).collect() }
}
