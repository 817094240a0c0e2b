use keyward_domain::ids::LimitId;
use keyward_domain::limit::{LimitPeriod, Meter};
use keyward_domain::principal::{Action, Resource};
use serde::Deserialize;
use utoipa::ToSchema;

use super::LimitView;
use super::find::find;
use crate::control::Control;
use crate::error::AdminError;
use crate::field::AllowanceRef;
use crate::operation::{Operation, Permit};

/// Shows one limit.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShowLimit {
    /// Its id, or what it is set on.
    #[schema(value_type = String)]
    pub limit: AllowanceRef<LimitId>,
    /// What it counts, where the scope has several limits.
    #[schema(value_type = Option<String>)]
    pub meter: Option<Meter>,
    /// Its period, where the scope has several limits.
    #[schema(value_type = Option<String>)]
    pub per: Option<LimitPeriod>,
}

impl Operation for ShowLimit {
    type Output = LimitView;
    const NAME: &'static str = "limit.show";
    const ACTION: Action = Action::Read;
    const RESOURCE: Resource = Resource::Tenant;

    async fn perform(self, control: &Control, _: &Permit<'_>) -> Result<LimitView, AdminError> {
        let records = control.records().await?;
        let limit = find(control, &records, &self.limit, (self.meter, self.per))?;
        LimitView::of_one(control, limit, &records).await
    }

    fn revision(output: &LimitView) -> Option<u64> {
        Some(output.revision)
    }
}
