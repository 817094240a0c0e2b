use keyward_domain::port::Change;
use keyward_domain::principal::Action;
use keyward_domain::scope::{Reach, Scope};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::control::{Control, allowances_on, check_revision};
use crate::error::AdminError;
use crate::field::Reference;
use crate::operation::{Operation, Permit, Removed};

/// Removes a provider key and its sealed secret for good. Budgets and limits that are set on it go with it; what it was used
/// for stays in the ledger.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoveKey {
    /// Its id, its name, or `provider/name`.
    pub key: Reference,
    /// The revision that the removal is based on.
    pub if_match: Option<u64>,
}

impl Operation for RemoveKey {
    type Output = Removed;
    const NAME: &'static str = "key.remove";
    const ACTION: Action = Action::Write;

    async fn perform(self, control: &Control, permit: &Permit<'_>) -> Result<Removed, AdminError> {
        let records = control.records().await?;
        let key = Control::find_key(&records, &self.key)?;
        check_revision(self.if_match, key.revision)?;
        let detail = format!("{}/{}", Control::provider_of(&records, key)?.name, key.name);
        let mut changes = allowances_on(&records, |_, reach| *reach == Reach::One(Scope::Credential(key.id)));
        changes.push(Change::RemoveCredential(key.id));
        control.commit(permit, changes, &key.id, &detail).await?;
        Ok(Removed { removed: key.id.to_string() })
    }
}
