//! Stage 3½: the model lists, answered here. A key sees what it may use and nothing else.

use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};
use keyward_dialect::models;
use keyward_domain::denial::Denial;

use crate::body::Body;
use crate::refuse::REQUEST_ID;
use crate::snapshot::ModelCard;
use crate::stage::arrive::Arrival;
use crate::stage::authorize::{Grant, may_use};

/// The list, or the one model that the path names.
pub(crate) fn response(arrival: &Arrival, grant: &Grant) -> Result<Response<Body>, Denial> {
    let key = grant.call.caller.key();
    let is_visible = |card: &&ModelCard| {
        card.targets.iter().any(|target| target.provider.kind.speaks(arrival.dialect) && may_use(key, &card.id, target))
    };
    let visible = key.world.cards.iter().filter(is_visible);
    let body = if let Some(wanted) = grant.call.model.as_deref() {
        let card = visible.into_iter().find(|card| card.is_called(wanted));
        let card = card.ok_or_else(|| Denial::ModelNotFound(wanted.to_owned(), Vec::new()))?;
        models::one(arrival.dialect, &card.shown())
    } else {
        let cards: Vec<_> = visible.map(ModelCard::shown).collect();
        models::list(arrival.dialect, &cards, grant.call.head.uri.query().unwrap_or_default())
            .map_err(|message| Denial::InvalidRequest(message.to_string(), None))?
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::OK;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Ok(id) = HeaderValue::from_str(&arrival.request.to_string()) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    Ok(response)
}

impl ModelCard {
    fn is_called(&self, name: &str) -> bool {
        &*self.id == name || self.also.iter().any(|also| &**also == name)
    }

    fn shown(&self) -> models::ModelCard {
        models::ModelCard {
            id: self.id.to_string(),
            created: 0,
            owner: self.owner.to_string(),
            context: self.context,
            max_output: self.max_output,
            display: self.id.to_string(),
        }
    }
}
