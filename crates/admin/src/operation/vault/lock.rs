use keyward_domain::principal::Action;
use serde::Deserialize;
use utoipa::ToSchema;

use super::VaultView;
use crate::control::Control;
use crate::error::AdminError;
use crate::operation::{Operation, Permit};

/// Locks the vault: wipes its keys from memory, so that no provider key can be used until it is unlocked.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LockVault {}

impl Operation for LockVault {
    type Output = VaultView;
    const NAME: &'static str = "vault.lock";
    const ACTION: Action = Action::Administer;

    async fn perform(self, control: &Control, permit: &Permit<'_>) -> Result<VaultView, AdminError> {
        if !control.vault().is_locked() {
            // Locked first: in an emergency a full disk must not keep the vault open.
            control.lock().await?;
            control.commit(permit, Vec::new(), &control.vault().install(), "").await?;
        }
        Ok(VaultView::of(control))
    }
}
