use keyward_domain::principal::{Action, Resource};
use serde::Deserialize;
use utoipa::ToSchema;

use super::UserView;
use crate::control::Control;
use crate::error::AdminError;
use crate::field::Reference;
use crate::operation::{Operation, Permit};

/// Shows one user.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShowUser {
    /// Their id, their name, or `tenant/name`.
    pub user: Reference,
}

impl Operation for ShowUser {
    type Output = UserView;
    const NAME: &'static str = "user.show";
    const ACTION: Action = Action::Read;
    const RESOURCE: Resource = Resource::Team;

    async fn perform(self, control: &Control, _: &Permit<'_>) -> Result<UserView, AdminError> {
        let records = control.records().await?;
        Ok(UserView::of(Control::find_user(&records, &self.user)?, &records))
    }

    fn revision(output: &UserView) -> Option<u64> {
        Some(output.revision)
    }
}
