use keyward_domain::principal::Action;
use serde::Deserialize;
use utoipa::ToSchema;

use super::KeyView;
use crate::control::Control;
use crate::error::AdminError;
use crate::field::Reference;
use crate::operation::{Operation, Permit};

/// Shows one provider key with its models.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShowKey {
    /// Its id, its name, or `provider/name`.
    pub key: Reference,
}

impl Operation for ShowKey {
    type Output = KeyView;
    const NAME: &'static str = "key.show";
    const ACTION: Action = Action::Read;

    async fn perform(self, control: &Control, _: &Permit<'_>) -> Result<KeyView, AdminError> {
        let records = control.records().await?;
        let key = Control::find_key(&records, &self.key)?;
        Ok(KeyView::in_full(control, key, Control::provider_of(&records, key)?))
    }

    fn revision(output: &KeyView) -> Option<u64> {
        Some(output.revision)
    }
}
