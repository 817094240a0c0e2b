use keyward_domain::credential::CredentialState;
use keyward_domain::port::Change;
use keyward_domain::principal::Action;
use serde::Deserialize;
use utoipa::ToSchema;

use super::KeyView;
use super::add::{check_secret, refuse_duplicate};
use super::life::refuse_final;
use super::proof::settled;
use crate::control::{Control, check_revision, is_void};
use crate::error::AdminError;
use crate::field::{Reference, SecretText};
use crate::operation::{Operation, Permit};

/// Enters a key's secret again: a new one in place of the old, or the same one after the provider has moved. It is
/// checked like a new key; a new secret that the provider refuses does not take the old one's place.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplaceKey {
    /// Its id, its name, or `provider/name`.
    pub key: Reference,
    /// The revision that the change is based on.
    pub if_match: Option<u64>,
    /// The key itself.
    pub secret: SecretText,
}

impl Operation for ReplaceKey {
    type Output = KeyView;
    const NAME: &'static str = "key.replace";
    const ACTION: Action = Action::Write;

    async fn perform(self, control: &Control, permit: &Permit<'_>) -> Result<KeyView, AdminError> {
        control.require_unlocked()?;
        let records = control.records().await?;
        let old = Control::find_key(&records, &self.key)?;
        let provider = Control::provider_of(&records, old)?;
        check_revision(self.if_match, old.revision)?;
        refuse_final(old, provider)?;
        let secret = self.secret.into_secret();
        check_secret(provider, &secret)?;
        let index = control.fingerprint(&secret)?;
        let is_same = index == old.blind_index;
        if !is_same {
            refuse_duplicate(&records, provider, &index)?;
        }

        let mut key = old.clone();
        key.seal_version += 1;
        key.revision += 1;
        key.sealed_for = provider.base_url.clone();
        let mut changes = control.seal_into(&mut key, &secret)?;
        let probed = control.probe(provider, secret).await;
        let before = if key.state == CredentialState::Suspect { CredentialState::Pending } else { key.state };
        key.state = settled(before, probed.proof.finding);
        if key.state == CredentialState::Suspect && old.state == CredentialState::Active && !is_void(old, provider) {
            let message =
                format!("The new key was not taken ({}); `{}` keeps the old one.", probed.proof.detail, old.name);
            return Err(AdminError::KeyMalformed(message));
        }
        key.models = probed.models.over(key.models);
        key.proof = Some(probed.proof);
        let detail = format!("{}/{}: {}", provider.name, key.name, key.state.as_str());
        changes.push(Change::PutCredential(key.clone()));
        let _turn = control.turn_to_keep().await;
        if !is_same {
            refuse_duplicate(&control.records().await?, provider, &index)?;
        }
        control.commit(permit, changes, &key.id, &detail).await?;
        // What was held against it was held against the secret that is gone.
        control.cleared(key.id, permit.principal());
        if let Some(proof) = &key.proof {
            control.tested(&key, proof.finding, permit.principal());
        }
        control.keep_standings().await?;
        Ok(KeyView::in_full(control, &key, provider))
    }

    fn revision(output: &KeyView) -> Option<u64> {
        Some(output.revision)
    }
}
