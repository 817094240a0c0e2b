use keyward_domain::port::Change;
use keyward_domain::principal::{Action, Resource};
use keyward_domain::virtual_key::KeyStatus;
use serde::Deserialize;
use utoipa::ToSchema;

use super::AdminTokenView;
use crate::control::Control;
use crate::error::AdminError;
use crate::field::Reference;
use crate::operation::{Operation, Permit};

/// Ends an admin token for good, at once.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeAdminToken {
    /// Its id or name.
    pub admin_token: Reference,
}

impl Operation for RevokeAdminToken {
    type Output = AdminTokenView;
    const NAME: &'static str = "admin_token.revoke";
    const ACTION: Action = Action::Administer;
    const RESOURCE: Resource = Resource::Team;

    async fn perform(self, control: &Control, permit: &Permit<'_>) -> Result<AdminTokenView, AdminError> {
        let records = control.records().await?;
        let mut token = Control::find_admin_token(&records, &self.admin_token)?.clone();
        if token.status != KeyStatus::Revoked {
            token.status = KeyStatus::Revoked;
            token.revision += 1;
            control.commit(permit, vec![Change::PutAdminToken(token.clone())], &token.id, &token.name).await?;
        }
        Ok(AdminTokenView::of(&token, &records, control.now()))
    }
}
