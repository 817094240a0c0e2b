use keyward_domain::principal::Action;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::control::Control;
use crate::error::AdminError;
use crate::field::{Reference, ShownSecret};
use crate::operation::{Operation, Permit};

/// Shows a provider key's secret. For owners only; the audit entry is committed before the secret leaves.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RevealKey {
    /// Its id, its name, or `provider/name`.
    pub key: Reference,
}

/// A provider key in the clear.
#[derive(Debug, Serialize, ToSchema)]
pub struct RevealedKey {
    /// Its id.
    pub id: String,
    /// The provider it is for.
    pub provider: String,
    /// What people call it.
    pub name: String,
    /// The secret.
    #[schema(value_type = String)]
    pub secret: ShownSecret,
}

impl Operation for RevealKey {
    type Output = RevealedKey;
    const NAME: &'static str = "key.reveal";
    const ACTION: Action = Action::Reveal;

    async fn perform(self, control: &Control, permit: &Permit<'_>) -> Result<RevealedKey, AdminError> {
        let records = control.records().await?;
        let key = Control::find_key(&records, &self.key)?;
        let provider = Control::provider_of(&records, key)?;
        let secret = control.open(key)?;
        let secret = secret.ok_or_else(|| AdminError::WrongState(format!("The key `{}` has no secret.", key.name)))?;
        // INVARIANT: no plaintext leaves without a trace (test `reveal_is_audited_before_the_secret_leaves`). If this
        // commit fails, the secret is dropped here.
        control.commit(permit, Vec::new(), &key.id, &format!("{}/{}", provider.name, key.name)).await?;
        Ok(RevealedKey {
            id: key.id.to_string(),
            provider: provider.name.clone(),
            name: key.name.clone(),
            secret: ShownSecret::new(secret),
        })
    }
}
