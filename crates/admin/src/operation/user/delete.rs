use keyward_domain::port::{Change, Records};
use keyward_domain::principal::{Action, Resource};
use keyward_domain::scope::{Reach, Scope};
use keyward_domain::tenancy::User;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::control::{Control, allowances_on, check_revision};
use crate::error::AdminError;
use crate::field::Reference;
use crate::operation::in_use::still_has;
use crate::operation::{Operation, Permit, Removed};

/// Deletes a user that nothing belongs to. Budgets and limits that are set on them go with them; what it cost stays in the ledger.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeleteUser {
    /// Their id, their name, or `tenant/name`.
    pub user: Reference,
    /// The revision that the change is based on.
    pub if_match: Option<u64>,
}

impl Operation for DeleteUser {
    type Output = Removed;
    const NAME: &'static str = "user.delete";
    const ACTION: Action = Action::Write;
    const RESOURCE: Resource = Resource::Team;

    async fn perform(self, control: &Control, permit: &Permit<'_>) -> Result<Removed, AdminError> {
        let records = control.records().await?;
        let user = Control::find_user(&records, &self.user)?;
        check_revision(self.if_match, user.revision)?;
        refuse_if_used(&records, user)?;
        let mut changes = allowances_on(&records, |_, reach| *reach == Reach::One(Scope::User(user.id)));
        changes.push(Change::RemoveUser(user.id));
        control.commit(permit, changes, &user.id, &user.name).await?;
        Ok(Removed { removed: user.id.to_string() })
    }
}

fn refuse_if_used(records: &Records, user: &User) -> Result<(), AdminError> {
    let keys = records.virtual_keys.iter().filter(|key| key.user == Some(user.id)).count();
    still_has("user", &user.name, &[("virtual key", keys)])
}
