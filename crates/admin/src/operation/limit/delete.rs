use keyward_domain::ids::LimitId;
use keyward_domain::limit::{LimitPeriod, Meter};
use keyward_domain::port::Change;
use keyward_domain::principal::{Action, Resource};
use serde::Deserialize;
use utoipa::ToSchema;

use super::find::find;
use super::set::described;
use crate::control::{Control, check_revision, reach_text};
use crate::error::AdminError;
use crate::field::AllowanceRef;
use crate::operation::{Operation, Permit, Removed};

/// Deletes a limit: nothing is refused on its behalf any more.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeleteLimit {
    /// Its id, or what it is set on.
    #[schema(value_type = String)]
    pub limit: AllowanceRef<LimitId>,
    /// What it counts, where the scope has several limits.
    #[schema(value_type = Option<String>)]
    pub meter: Option<Meter>,
    /// Its period, where the scope has several limits.
    #[schema(value_type = Option<String>)]
    pub per: Option<LimitPeriod>,
    /// The revision that the removal is based on.
    pub if_match: Option<u64>,
}

impl Operation for DeleteLimit {
    type Output = Removed;
    const NAME: &'static str = "limit.delete";
    const ACTION: Action = Action::Write;
    const RESOURCE: Resource = Resource::Tenant;

    async fn perform(self, control: &Control, permit: &Permit<'_>) -> Result<Removed, AdminError> {
        let records = control.records().await?;
        let limit = find(control, &records, &self.limit, (self.meter, self.per))?;
        control.refuse_if_set_above("limit", limit.set_by, &records, (limit.tenant, &limit.reach))?;
        check_revision(self.if_match, limit.revision)?;
        let detail = format!("{}: {}", reach_text(&records, limit.tenant, &limit.reach), described(limit));
        control.commit(permit, vec![Change::RemoveLimit(limit.id)], &limit.id, &detail).await?;
        Ok(Removed { removed: limit.id.to_string() })
    }
}
