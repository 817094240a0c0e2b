use keyward_domain::ids::TeamId;
use keyward_domain::port::Change;
use keyward_domain::principal::{Action, Resource};
use keyward_domain::tenancy::Team;
use serde::Deserialize;
use utoipa::ToSchema;

use super::TeamView;
use super::update::refuse_taken_name;
use crate::control::Control;
use crate::error::AdminError;
use crate::field::{ModelPattern, Name, Networks, Operations, Reference};
use crate::operation::grant::grant_of;
use crate::operation::{Operation, Permit};

/// Creates a team.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateTeam {
    /// What to call it.
    pub name: Name,
    /// Which tenant it belongs to: its id or name; your own when left out.
    pub tenant: Option<Reference>,
    /// Models its members may use: aliases, `provider/model` or bare names, exact or up to a closing `*`. Empty for all that its tenant may use.
    #[serde(default)]
    pub models: Vec<ModelPattern>,
    /// Operations its members may use. Empty for all that its tenant may use.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub operations: Operations,
    /// Networks that calls may come from. Empty for all that its tenant may use.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub addresses: Networks,
}

impl Operation for CreateTeam {
    type Output = TeamView;
    const NAME: &'static str = "team.create";
    const ACTION: Action = Action::Write;
    const RESOURCE: Resource = Resource::Tenant;

    async fn perform(self, control: &Control, permit: &Permit<'_>) -> Result<TeamView, AdminError> {
        let records = control.records().await?;
        let tenant = control.tenant_of(&records, self.tenant.as_ref())?.id;
        refuse_taken_name(&records, tenant, self.name.as_str(), None)?;
        let grant = grant_of(self.models, self.operations, self.addresses)?;
        Control::refuse_wider(&records, &grant, (tenant, None, None))?;
        let created_at = control.now();
        let team = Team {
            id: TeamId::mint(created_at, control.entropy())?,
            tenant,
            name: self.name.into_string(),
            enabled: true,
            grant,
            created_at,
            revision: 1,
        };
        control.commit(permit, vec![Change::PutTeam(team.clone())], &team.id, &team.name).await?;
        Ok(TeamView::of(&team, &records))
    }

    fn revision(output: &TeamView) -> Option<u64> {
        Some(output.revision)
    }
}
