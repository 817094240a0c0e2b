use keyward_domain::ids::{TeamId, TenantId};
use keyward_domain::port::{Change, Records};
use keyward_domain::principal::{Action, Resource};
use keyward_domain::tenancy::Team;
use serde::Deserialize;
use utoipa::ToSchema;

use super::TeamView;
use crate::control::{Control, check_revision};
use crate::error::AdminError;
use crate::field::{ModelPattern, Name, Networks, Operations, Reference};
use crate::operation::grant::{GrantEdit, changed_parts, in_words};
use crate::operation::{Operation, Permit};

/// Changes a team. What is left out stays as it is. What is taken from it is taken from everything below at once.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateTeam {
    /// Its id, its name, or `tenant/name`.
    pub team: Reference,
    /// The revision that the change is based on.
    pub if_match: Option<u64>,
    /// A new name.
    pub name: Option<Name>,
    /// Whether its keys are accepted.
    pub enabled: Option<bool>,
    /// Models its members may use. Empty for all that its tenant may use.
    pub models: Option<Vec<ModelPattern>>,
    /// Operations its members may use. Empty for all that its tenant may use.
    #[schema(value_type = Option<Vec<String>>)]
    pub operations: Option<Operations>,
    /// Networks that calls may come from. Empty for all that its tenant may use.
    #[schema(value_type = Option<Vec<String>>)]
    pub addresses: Option<Networks>,
}

impl Operation for UpdateTeam {
    type Output = TeamView;
    const NAME: &'static str = "team.update";
    const ACTION: Action = Action::Write;
    const RESOURCE: Resource = Resource::Tenant;

    async fn perform(self, control: &Control, permit: &Permit<'_>) -> Result<TeamView, AdminError> {
        let records = control.records().await?;
        let old = Control::find_team(&records, &self.team)?;
        check_revision(self.if_match, old.revision)?;
        let team = self.apply(old.clone())?;
        refuse_taken_name(&records, team.tenant, &team.name, Some(team.id))?;
        if team.grant != old.grant {
            Control::refuse_wider(&records, &team.grant, (team.tenant, None, None))?;
        }
        let detail = described(old, &team);
        control.commit(permit, vec![Change::PutTeam(team.clone())], &team.id, &detail).await?;
        Ok(TeamView::of(&team, &records))
    }

    fn revision(output: &TeamView) -> Option<u64> {
        Some(output.revision)
    }
}

impl UpdateTeam {
    fn apply(self, mut team: Team) -> Result<Team, AdminError> {
        if let Some(name) = self.name {
            team.name = name.into_string();
        }
        if let Some(enabled) = self.enabled {
            team.enabled = enabled;
        }
        let grant = GrantEdit { models: self.models, operations: self.operations, addresses: self.addresses };
        grant.apply(&mut team.grant)?;
        team.revision += 1;
        Ok(team)
    }
}

/// Refuses a name that another team of the tenant has.
pub(super) fn refuse_taken_name(
    records: &Records,
    tenant: TenantId,
    name: &str,
    own: Option<TeamId>,
) -> Result<(), AdminError> {
    let mut others = records.teams.iter().filter(|team| team.tenant == tenant && Some(team.id) != own);
    if others.any(|team| team.name == name) {
        return Err(AdminError::AlreadyExists(format!("There already is a team `{name}`. Choose another name.")));
    }
    Ok(())
}

fn described(old: &Team, new: &Team) -> String {
    let parts = [("name", old.name != new.name), ("enabled", old.enabled != new.enabled)];
    in_words(&new.name, parts.into_iter().chain(changed_parts(&old.grant, &new.grant)))
}
