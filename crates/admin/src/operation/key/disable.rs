use keyward_domain::credential::CredentialState;
use keyward_domain::port::Change;
use keyward_domain::principal::Action;
use serde::Deserialize;
use utoipa::ToSchema;

use super::KeyView;
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
        let mut key = Control::find_key(&records, &self.key)?.clone();
        let provider = Control::provider_of(&records, &key)?;
        check_revision(self.if_match, key.revision)?;
        if key.state != CredentialState::Disabled {
            key.state = CredentialState::Disabled;
            key.revision += 1;
            let detail = format!("{}/{}", provider.name, key.name);
            control.commit(permit, vec![Change::PutCredential(key.clone())], &key.id, &detail).await?;
        }
        Ok(KeyView::of(&key, provider))
    }

    fn revision(output: &KeyView) -> Option<u64> {
        Some(output.revision)
    }
}
