use keyward_domain::principal::Action;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::control::Control;
use crate::error::AdminError;
use crate::operation::{Operation, Permit};

/// Shows whether the vault is locked.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShowVault {}

/// The vault as a whole.
#[derive(Debug, Serialize, ToSchema)]
pub struct VaultView {
    /// The installation that everything sealed is bound to.
    pub install: String,
    /// Whether no key is in memory; provider keys cannot be used then.
    pub locked: bool,
}

impl Operation for ShowVault {
    type Output = VaultView;
    const NAME: &'static str = "vault.show";
    const ACTION: Action = Action::Read;

    async fn perform(self, control: &Control, _: &Permit<'_>) -> Result<VaultView, AdminError> {
        Ok(VaultView::of(control))
    }
}

impl VaultView {
    /// The view now.
    pub fn of(control: &Control) -> Self {
        Self { install: control.vault().install().to_string(), locked: control.vault().is_locked() }
    }
}
