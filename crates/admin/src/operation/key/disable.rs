use keyward_domain::credential::CredentialState;
use keyward_domain::principal::Action;
use serde::Deserialize;
use utoipa::ToSchema;

use super::KeyView;
use super::life::{put_into, refuse_final};
use crate::control::{Control, check_revision};
use crate::error::AdminError;
use crate::field::Reference;
use crate::operation::{Operation, Permit};

/// Takes a key out of use. It stays sealed and can be enabled again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DisableKey {
    /// Its id, its name, or `provider/name`.
    pub key: Reference,
    /// The revision that the change is based on.
    pub if_match: Option<u64>,
}

impl Operation for DisableKey {
    type Output = KeyView;
    const NAME: &'static str = "key.disable";
    const ACTION: Action = Action::Write;

    async fn perform(self, control: &Control, permit: &Permit<'_>) -> Result<KeyView, AdminError> {
        let records = control.records().await?;
        let key = Control::find_key(&records, &self.key)?;
        let provider = Control::provider_of(&records, key)?;
        check_revision(self.if_match, key.revision)?;
        refuse_final(key, provider)?;
        put_into(control, permit, key.clone(), provider, CredentialState::Disabled).await
    }

    fn revision(output: &KeyView) -> Option<u64> {
        Some(output.revision)
    }
}
