use keyward_domain::ids::UserId;
use keyward_domain::port::Change;
use keyward_domain::principal::{Action, Resource};
use keyward_domain::tenancy::User;
use serde::Deserialize;
use utoipa::ToSchema;

use super::UserView;
use super::update::refuse_taken_name;
use crate::control::Control;
use crate::error::AdminError;
use crate::field::{ModelPattern, Name, Networks, Operations, Reference};
use crate::operation::grant::grant_of;
use crate::operation::{Operation, Permit};

/// Creates a user.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateUser {
    /// What to call them.
    pub name: Name,
    /// Which tenant they belong to: its id or name; the team's, or your own, when left out.
    pub tenant: Option<Reference>,
    /// Which team they are in: its id or name.
    pub team: Option<Reference>,
    /// Models their keys may use: aliases, `provider/model` or bare names, exact or up to a closing `*`. Empty for all that what is above them may use.
    #[serde(default)]
    pub models: Vec<ModelPattern>,
    /// Operations their keys may use. Empty for all that what is above them may use.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub operations: Operations,
    /// Networks that calls may come from. Empty for all that what is above them may use.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub addresses: Networks,
}

impl Operation for CreateUser {
    type Output = UserView;
    const NAME: &'static str = "user.create";
    const ACTION: Action = Action::Write;
    const RESOURCE: Resource = Resource::Team;

    async fn perform(self, control: &Control, permit: &Permit<'_>) -> Result<UserView, AdminError> {
        let records = control.records().await?;
        let (tenant, team) = control.place_of(&records, self.tenant.as_ref(), self.team.as_ref())?;
        refuse_taken_name(&records, tenant, self.name.as_str(), None)?;
        let grant = grant_of(self.models, self.operations, self.addresses)?;
        control.keep_in_realm(team)?;
        Control::refuse_wider(&records, &grant, (tenant, team, None))?;
        let created_at = control.now();
        let user = User {
            id: UserId::mint(created_at, control.entropy())?,
            tenant,
            team,
            name: self.name.into_string(),
            enabled: true,
            grant,
            created_at,
            revision: 1,
        };
        control.commit(permit, vec![Change::PutUser(user.clone())], &user.id, &user.name).await?;
        Ok(UserView::of(&user, &records))
    }

    fn revision(output: &UserView) -> Option<u64> {
        Some(output.revision)
    }
}
