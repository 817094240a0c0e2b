use keyward_domain::principal::Action;
use serde::Deserialize;
use utoipa::ToSchema;

use super::VaultView;
use crate::control::Control;
use crate::error::AdminError;
use crate::field::SecretText;
use crate::operation::{Operation, Permit};

/// Unlocks the vault with its passphrase, or with the root key file in the home.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UnlockVault {
    /// The passphrase; left out, the root key file is tried.
    pub secret: Option<SecretText>,
}

impl Operation for UnlockVault {
    type Output = VaultView;
    const NAME: &'static str = "vault.unlock";
    const ACTION: Action = Action::Administer;

    async fn perform(self, control: &Control, permit: &Permit<'_>) -> Result<VaultView, AdminError> {
        if control.vault().is_locked() {
            control.commit(permit, Vec::new(), &control.vault().install(), "asked").await?;
            control.unlock(self.secret.map(SecretText::into_secret)).await?;
        }
        Ok(VaultView::of(control))
    }
}
