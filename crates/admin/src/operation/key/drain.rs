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

/// Lets a key finish what it has: it gets no new calls from now on, those under way go on to their end. It can be
/// enabled again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DrainKey {
    /// Its id, its name, or `provider/name`.
    pub key: Reference,
    /// The revision that the change is based on.
    pub if_match: Option<u64>,
}

impl Operation for DrainKey {
    type Output = KeyView;
    const NAME: &'static str = "key.drain";
    const ACTION: Action = Action::Write;

    async fn perform(self, control: &Control, permit: &Permit<'_>) -> Result<KeyView, AdminError> {
        let records = control.records().await?;
        let key = Control::find_key(&records, &self.key)?;
        let provider = Control::provider_of(&records, key)?;
        check_revision(self.if_match, key.revision)?;
        refuse_final(key, provider)?;
        if key.state == CredentialState::Disabled {
            let message =
                format!("The key `{}/{}` is disabled: it gets no new calls already.", provider.name, key.name);
            return Err(AdminError::WrongState(message));
        }
        put_into(control, permit, key.clone(), provider, CredentialState::Draining).await
    }

    fn revision(output: &KeyView) -> Option<u64> {
        Some(output.revision)
    }
}
