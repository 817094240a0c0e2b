use keyward_domain::port::{Change, Records};
use keyward_domain::principal::{Action, Resource};
use keyward_domain::scope::{Reach, Scope};
use keyward_domain::tenancy::Team;
use keyward_domain::virtual_key::KeyStatus;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::control::{Control, allowances_on, check_revision};
use crate::error::AdminError;
use crate::field::Reference;
use crate::operation::in_use::still_has;
use crate::operation::{Operation, Permit, Removed};

/// Deletes a team that nothing belongs to. Budgets and limits that are set on it go with it; what it cost stays in the ledger.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeleteTeam {
    /// Its id, its name, or `tenant/name`.
    pub team: Reference,
    /// The revision that the change is based on.
    pub if_match: Option<u64>,
}

impl Operation for DeleteTeam {
    type Output = Removed;
    const NAME: &'static str = "team.delete";
    const ACTION: Action = Action::Write;
    const RESOURCE: Resource = Resource::Tenant;

    async fn perform(self, control: &Control, permit: &Permit<'_>) -> Result<Removed, AdminError> {
        let records = control.records().await?;
        let team = Control::find_team(&records, &self.team)?;
        check_revision(self.if_match, team.revision)?;
        refuse_if_used(&records, team)?;
        let mut changes = allowances_on(&records, |_, reach| *reach == Reach::One(Scope::Team(team.id)));
        changes.push(Change::RemoveTeam(team.id));
        control.commit(permit, changes, &team.id, &team.name).await?;
        Ok(Removed { removed: team.id.to_string() })
    }
}

fn refuse_if_used(records: &Records, team: &Team) -> Result<(), AdminError> {
    let tokens = records.admin_tokens.iter().filter(|token| token.status != KeyStatus::Revoked);
    let tokens = tokens.filter(|token| token.realm.team() == Some(team.id)).count();
    still_has(
        "team",
        &team.name,
        &[
            ("virtual key", records.virtual_keys.iter().filter(|key| key.team == Some(team.id)).count()),
            ("admin token", tokens),
            ("user", records.users.iter().filter(|user| user.team == Some(team.id)).count()),
        ],
    )
}
