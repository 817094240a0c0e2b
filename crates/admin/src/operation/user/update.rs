use keyward_domain::ids::{TenantId, UserId};
use keyward_domain::port::{Change, Records};
use keyward_domain::principal::{Action, Resource};
use keyward_domain::tenancy::User;
use serde::Deserialize;
use utoipa::ToSchema;

use super::UserView;
use crate::control::{Control, check_revision};
use crate::error::AdminError;
use crate::field::{Edit, ModelPattern, Name, Networks, Operations, Reference};
use crate::operation::grant::{GrantEdit, changed_parts, in_words};
use crate::operation::{Operation, Permit};

/// Changes a user. What is left out stays as it is. What is taken from them is taken from everything below at once.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateUser {
    /// Their id, their name, or `tenant/name`.
    pub user: Reference,
    /// The revision that the change is based on.
    pub if_match: Option<u64>,
    /// A new name.
    pub name: Option<Name>,
    /// Whether their keys are accepted.
    pub enabled: Option<bool>,
    /// Which team they are in: its id or name; `null` for none.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub team: Edit<Reference>,
    /// Models their keys may use. Empty for all that what is above them may use.
    pub models: Option<Vec<ModelPattern>>,
    /// Operations their keys may use. Empty for all that what is above them may use.
    #[schema(value_type = Option<Vec<String>>)]
    pub operations: Option<Operations>,
    /// Networks that calls may come from. Empty for all that what is above them may use.
    #[schema(value_type = Option<Vec<String>>)]
    pub addresses: Option<Networks>,
}

impl Operation for UpdateUser {
    type Output = UserView;
    const NAME: &'static str = "user.update";
    const ACTION: Action = Action::Write;
    const RESOURCE: Resource = Resource::Team;

    async fn perform(self, control: &Control, permit: &Permit<'_>) -> Result<UserView, AdminError> {
        let records = control.records().await?;
        let old = Control::find_user(&records, &self.user)?;
        check_revision(self.if_match, old.revision)?;
        let user = self.apply(old.clone(), &records)?;
        refuse_taken_name(&records, user.tenant, &user.name, Some(user.id))?;
        if user.grant != old.grant || user.team != old.team {
            control.keep_in_realm(user.team)?;
            Control::refuse_wider(&records, &user.grant, (user.tenant, user.team, None))?;
        }
        let detail = described(old, &user);
        control.commit(permit, vec![Change::PutUser(user.clone())], &user.id, &detail).await?;
        Ok(UserView::of(&user, &records))
    }

    fn revision(output: &UserView) -> Option<u64> {
        Some(output.revision)
    }
}

impl UpdateUser {
    fn apply(self, mut user: User, records: &Records) -> Result<User, AdminError> {
        if let Some(name) = self.name {
            user.name = name.into_string();
        }
        if let Some(enabled) = self.enabled {
            user.enabled = enabled;
        }
        match self.team {
            Edit::Keep => {}
            Edit::Clear => user.team = None,
            Edit::To(reference) => user.team = Some(Control::team_in(records, user.tenant, &reference)?),
        }
        let grant = GrantEdit { models: self.models, operations: self.operations, addresses: self.addresses };
        grant.apply(&mut user.grant)?;
        user.revision += 1;
        Ok(user)
    }
}

/// Refuses a name that another user of the tenant has.
pub(super) fn refuse_taken_name(
    records: &Records,
    tenant: TenantId,
    name: &str,
    own: Option<UserId>,
) -> Result<(), AdminError> {
    let mut others = records.users.iter().filter(|user| user.tenant == tenant && Some(user.id) != own);
    if others.any(|user| user.name == name) {
        return Err(AdminError::AlreadyExists(format!("There already is a user `{name}`. Choose another name.")));
    }
    Ok(())
}

fn described(old: &User, new: &User) -> String {
    let parts =
        [("name", old.name != new.name), ("enabled", old.enabled != new.enabled), ("team", old.team != new.team)];
    in_words(&new.name, parts.into_iter().chain(changed_parts(&old.grant, &new.grant)))
}
