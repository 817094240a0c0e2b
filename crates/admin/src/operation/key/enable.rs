use keyward_domain::credential::CredentialState;
use keyward_domain::port::Change;
use keyward_domain::principal::Action;
use serde::Deserialize;
use utoipa::ToSchema;

use super::life::refuse_final;
use super::proof::enable_key;
use super::{KeyView, test_keys};
use crate::control::{Control, check_revision, is_void};
use crate::error::AdminError;
use crate::field::Reference;
use crate::operation::{Operation, Permit};

/// Puts a key to use (again), unless it is out of use for good. The provider is asked first, by a call that costs
/// nothing; `force` skips that.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EnableKey {
    /// Its id, its name, or `provider/name`.
    pub key: Reference,
    /// The revision that the change is based on.
    pub if_match: Option<u64>,
    /// Puts it to use without asking the provider.
    #[serde(default)]
    pub force: bool,
}

impl Operation for EnableKey {
    type Output = KeyView;
    const NAME: &'static str = "key.enable";
    const ACTION: Action = Action::Write;

    async fn perform(self, control: &Control, permit: &Permit<'_>) -> Result<KeyView, AdminError> {
        let records = control.records().await?;
        let mut key = Control::find_key(&records, &self.key)?.clone();
        let provider = Control::provider_of(&records, &key)?;
        check_revision(self.if_match, key.revision)?;
        refuse_final(&key, provider)?;
        if is_void(&key, provider) {
            return Err(AdminError::KeyVoid(key.name));
        }
        if self.force {
            key.state = CredentialState::Active;
            key.revision += 1;
            let detail = format!("{}/{}: {}", provider.name, key.name, key.state.as_str());
            control.commit(permit, vec![Change::PutCredential(key.clone())], &key.id, &detail).await?;
            control.cleared(key.id, permit.principal());
            control.keep_standings().await?;
            return Ok(KeyView::of(control, &key, provider));
        }
        if key.state.is_off() {
            return enable_key(control, permit, &records, &key).await;
        }
        let tested = test_keys(control, permit, &records, &[key.id]).await?;
        tested.into_iter().next().ok_or_else(|| AdminError::not_found("provider key", &key.name))
    }

    fn revision(output: &KeyView) -> Option<u64> {
        Some(output.revision)
    }
}
