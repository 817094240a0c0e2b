use keyward_domain::principal::Action;
use serde::Deserialize;
use utoipa::ToSchema;

use super::KeyView;
use super::cool::refuse_unpooled;
use super::life::refuse_final;
use crate::control::Control;
use crate::error::AdminError;
use crate::field::Reference;
use crate::operation::{Operation, Permit};

/// Ends a key's rest at once, whatever it was for: nothing is held against it any more, nor against it with any model.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClearKey {
    /// Its id, its name, or `provider/name`.
    pub key: Reference,
}

impl Operation for ClearKey {
    type Output = KeyView;
    const NAME: &'static str = "key.cooldown_clear";
    const ACTION: Action = Action::Write;

    async fn perform(self, control: &Control, permit: &Permit<'_>) -> Result<KeyView, AdminError> {
        let records = control.records().await?;
        let key = Control::find_key(&records, &self.key)?;
        let provider = Control::provider_of(&records, key)?;
        refuse_final(key, provider)?;
        refuse_unpooled(control, key, provider)?;
        let held = control.known(key).map_or("active", |known| known.standing.as_str());
        let detail = format!("{}/{}: {held} -> active", provider.name, key.name);
        control.commit(permit, Vec::new(), &key.id, &detail).await?;
        control.cleared(key.id, permit.principal());
        control.keep_standings().await?;
        Ok(KeyView::of(control, key, provider))
    }
}
