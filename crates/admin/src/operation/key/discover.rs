use keyward_domain::principal::Action;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{KeyView, test_keys};
use crate::control::{Control, is_void};
use crate::error::AdminError;
use crate::field::Reference;
use crate::operation::{Operation, Permit};

/// Asks the provider again which models a key has, by a call that costs nothing, and shows them.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DiscoverModels {
    /// The key's id, its name, or `provider/name`.
    pub key: Reference,
}

impl Operation for DiscoverModels {
    type Output = KeyView;
    const NAME: &'static str = "key.discover";
    const ACTION: Action = Action::Write;

    async fn perform(self, control: &Control, permit: &Permit<'_>) -> Result<KeyView, AdminError> {
        let records = control.records().await?;
        let key = Control::find_key(&records, &self.key)?;
        if is_void(key, Control::provider_of(&records, key)?) {
            return Err(AdminError::KeyVoid(key.name.clone()));
        }
        test_keys(control, permit, &records, &[key.id]).await?;
        let records = control.records().await?;
        let key = Control::find_key(&records, &self.key)?;
        Ok(KeyView::in_full(control, key, Control::provider_of(&records, key)?))
    }

    fn revision(output: &KeyView) -> Option<u64> {
        Some(output.revision)
    }
}
