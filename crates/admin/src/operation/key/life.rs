//! What the operations that take a key out of use, or put it back, have in common.

use keyward_domain::credential::{Credential, CredentialState};
use keyward_domain::port::Change;
use keyward_domain::provider::Provider;

use super::KeyView;
use crate::control::Control;
use crate::error::AdminError;
use crate::operation::Permit;

/// Refuses for a key that is out of use for good, with what to do instead.
pub(super) fn refuse_final(key: &Credential, provider: &Provider) -> Result<(), AdminError> {
    let (owner, name) = (&provider.name, &key.name);
    let message = match key.state {
        CredentialState::Retired => format!(
            "The key `{owner}/{name}` was retired for good. To use its secret again, remove the key with `keyward key \
             remove {owner}/{name}` and add it anew; a new secret gets a key of its own with `keyward key add {owner}`."
        ),
        CredentialState::Revoked => format!(
            "The key `{owner}/{name}` was revoked at the provider. Make a new one there and add it with `keyward key \
             add {owner}`."
        ),
        _ => return Ok(()),
    };
    Err(AdminError::WrongState(message))
}

/// Puts a key into this state and keeps that, unless it is there already.
pub(super) async fn put_into(
    control: &Control,
    permit: &Permit<'_>,
    mut key: Credential,
    provider: &Provider,
    state: CredentialState,
) -> Result<KeyView, AdminError> {
    if key.state != state {
        let detail = format!("{}/{}: {} -> {}", provider.name, key.name, key.state.as_str(), state.as_str());
        key.state = state;
        key.revision += 1;
        control.commit(permit, vec![Change::PutCredential(key.clone())], &key.id, &detail).await?;
    }
    Ok(KeyView::of(control, &key, provider))
}
