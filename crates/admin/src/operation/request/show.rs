use keyward_domain::ids::RequestId;
use keyward_domain::principal::{Action, Resource};
use serde::Deserialize;
use utoipa::ToSchema;

use super::RequestView;
use crate::control::Control;
use crate::error::AdminError;
use crate::operation::{Operation, Permit};

/// Shows one request with its attempts and what the providers reported.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShowRequest {
    /// Its id, as in `x-keyward-request-id`.
    #[schema(value_type = String)]
    pub request: RequestId,
}

impl Operation for ShowRequest {
    type Output = RequestView;
    const NAME: &'static str = "request.show";
    const ACTION: Action = Action::Read;
    const RESOURCE: Resource = Resource::Team;

    async fn perform(self, control: &Control, _: &Permit<'_>) -> Result<RequestView, AdminError> {
        let id = self.request;
        let row = control.read(move |store| store.request(id)).await?;
        let row = row.ok_or_else(|| AdminError::not_found("request", &id.to_string()))?;
        Ok(RequestView::of(&row, &control.records().await?, true))
    }
}
