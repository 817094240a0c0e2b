use keyward_domain::port::Change;
use keyward_domain::principal::Action;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::control::{Control, check_revision};
use crate::error::AdminError;
use crate::field::Reference;
use crate::operation::{Operation, Permit, Removed};

/// Removes a provider that has no keys left.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoveProvider {
    /// Its id or name.
    pub provider: Reference,
    /// The revision that the removal is based on.
    pub if_match: Option<u64>,
}

impl Operation for RemoveProvider {
    type Output = Removed;
    const NAME: &'static str = "provider.remove";
    const ACTION: Action = Action::Write;

    async fn perform(self, control: &Control, permit: &Permit<'_>) -> Result<Removed, AdminError> {
        let records = control.records().await?;
        let provider = Control::find_provider(&records, &self.provider)?;
        check_revision(self.if_match, provider.revision)?;
        let keys = records.credentials.iter().filter(|credential| credential.provider == provider.id).count();
        if keys > 0 {
            let message = format!("The provider `{}` still has {keys} keys. Remove them first.", provider.name);
            return Err(AdminError::InUse(message));
        }
        control.commit(permit, vec![Change::RemoveProvider(provider.id)], &provider.id, &provider.name).await?;
        Ok(Removed { removed: provider.id.to_string() })
    }
}
