use keyward_domain::principal::Action;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{KeyView, test_keys};
use crate::control::{Control, is_void};
use crate::error::AdminError;
use crate::field::Reference;
use crate::operation::{Operation, Permit};

/// Asks the provider, by a call that costs nothing, whether a key works. A key that works comes into use, one that is
/// refused goes out of use; one that is disabled stays so.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TestKey {
    /// Its id, its name, or `provider/name`.
    pub key: Reference,
}

impl Operation for TestKey {
    type Output = KeyView;
    const NAME: &'static str = "key.test";
    const ACTION: Action = Action::Write;

    async fn perform(self, control: &Control, permit: &Permit<'_>) -> Result<KeyView, AdminError> {
        let records = control.records().await?;
        let key = Control::find_key(&records, &self.key)?;
        if is_void(key, Control::provider_of(&records, key)?) {
            return Err(AdminError::KeyVoid(key.name.clone()));
        }
        let tested = test_keys(control, permit, &records, &[key.id]).await?;
        tested.into_iter().next().ok_or_else(|| AdminError::not_found("provider key", &key.name))
    }

    fn revision(output: &KeyView) -> Option<u64> {
        Some(output.revision)
    }
}
