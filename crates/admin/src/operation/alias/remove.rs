use keyward_domain::port::Change;
use keyward_domain::principal::Action;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::control::{Control, check_revision};
use crate::error::AdminError;
use crate::field::Name;
use crate::operation::{Operation, Permit, Removed};

/// Removes an alias.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoveAlias {
    /// What clients send as `model`.
    pub name: Name,
    /// The revision that the removal is based on.
    pub if_match: Option<u64>,
}

impl Operation for RemoveAlias {
    type Output = Removed;
    const NAME: &'static str = "alias.remove";
    const ACTION: Action = Action::Write;

    async fn perform(self, control: &Control, permit: &Permit<'_>) -> Result<Removed, AdminError> {
        let records = control.records().await?;
        let alias = records.aliases.iter().find(|alias| alias.name == self.name.as_str());
        let alias = alias.ok_or_else(|| AdminError::not_found("alias", self.name.as_str()))?;
        check_revision(self.if_match, alias.revision)?;
        let change = Change::RemoveAlias(alias.tenant, alias.name.clone());
        control.commit(permit, vec![change], &alias.name, "").await?;
        Ok(Removed { removed: alias.name.clone() })
    }
}
