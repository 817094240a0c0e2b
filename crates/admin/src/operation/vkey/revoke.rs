use keyward_domain::port::Change;
use keyward_domain::principal::{Action, Resource};
use keyward_domain::virtual_key::KeyStatus;
use serde::Deserialize;
use utoipa::ToSchema;

use super::VkeyView;
use crate::control::{Control, check_revision};
use crate::error::AdminError;
use crate::field::Reference;
use crate::operation::{Operation, Permit};

/// Ends a virtual key for good, at once. Whoever still holds its token is told that it is no longer in use; its name and
/// its rows in the ledger stay.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeVkey {
    /// Its id or name.
    pub vkey: Reference,
    /// The revision that the change is based on.
    pub if_match: Option<u64>,
}

impl Operation for RevokeVkey {
    type Output = VkeyView;
    const NAME: &'static str = "vkey.revoke";
    const ACTION: Action = Action::Write;
    const RESOURCE: Resource = Resource::Team;

    async fn perform(self, control: &Control, permit: &Permit<'_>) -> Result<VkeyView, AdminError> {
        let records = control.records().await?;
        let mut key = Control::find_vkey(&records, &self.vkey)?.clone();
        check_revision(self.if_match, key.revision)?;
        if key.status != KeyStatus::Revoked {
            key.status = KeyStatus::Revoked;
            key.revision += 1;
            control.commit(permit, vec![Change::PutVirtualKey(key.clone())], &key.id, &key.name).await?;
        }
        Ok(VkeyView::of(&key, &records, control.now()))
    }

    fn revision(output: &VkeyView) -> Option<u64> {
        Some(output.revision)
    }
}
