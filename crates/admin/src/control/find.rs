//! Finding records by what people call them: an id, a name, or `provider/name`. Plain functions over [`Records`].

use keyward_domain::credential::Credential;
use keyward_domain::ids::{AdminTokenId, CredentialId, ProviderId};
use keyward_domain::port::Records;
use keyward_domain::principal::AdminToken;
use keyward_domain::provider::Provider;
use keyward_domain::token::TokenId;
use keyward_domain::virtual_key::{KeyStatus, VirtualKey};

use crate::error::AdminError;
use crate::field::Reference;

use super::Control;

impl Control {
    /// The provider of this id or name.
    pub fn find_provider<'r>(records: &'r Records, reference: &Reference) -> Result<&'r Provider, AdminError> {
        let called = reference.as_str();
        let id = called.parse::<ProviderId>().ok();
        records
            .providers
            .iter()
            .find(|provider| Some(provider.id) == id || provider.name == called)
            .ok_or_else(|| AdminError::not_found("provider", called))
    }

    /// The provider that a credential belongs to.
    pub fn provider_of<'r>(records: &'r Records, credential: &Credential) -> Result<&'r Provider, AdminError> {
        records.providers.iter().find(|provider| provider.id == credential.provider).ok_or_else(|| {
            tracing::error!(credential = %credential.id, "a provider key belongs to no provider");
            AdminError::StoreFailed
        })
    }

    /// The credential of this id, `provider/name`, or name that only one provider's key has.
    pub fn find_key<'r>(records: &'r Records, reference: &Reference) -> Result<&'r Credential, AdminError> {
        let called = reference.as_str();
        if let Ok(id) = called.parse::<CredentialId>() {
            let found = records.credentials.iter().find(|credential| credential.id == id);
            return found.ok_or_else(|| AdminError::not_found("provider key", called));
        }
        let owner = |credential: &Credential| {
            records.providers.iter().find(|p| p.id == credential.provider).map_or("", |p| p.name.as_str())
        };
        let matching: Vec<_> = match called.split_once('/') {
            Some((provider, name)) => {
                records.credentials.iter().filter(|c| c.name == name && owner(c) == provider).collect()
            }
            None => records.credentials.iter().filter(|c| c.name == called).collect(),
        };
        match matching.as_slice() {
            [] => Err(AdminError::not_found("provider key", called)),
            [only] => Ok(only),
            several => {
                let each: Vec<_> = several.iter().map(|c| format!("`{}/{}`", owner(c), c.name)).collect();
                Err(AdminError::Ambiguous("provider key", format!("write one of {}", each.join(", "))))
            }
        }
    }

    /// The virtual key of this id or name.
    pub fn find_vkey<'r>(records: &'r Records, reference: &Reference) -> Result<&'r VirtualKey, AdminError> {
        let called = reference.as_str();
        let id = called.parse::<TokenId>().ok();
        let keys = &records.virtual_keys;
        keys.iter()
            .find(|key| Some(key.id) == id)
            .or_else(|| keys.iter().find(|key| key.name == called))
            .ok_or_else(|| AdminError::not_found("virtual key", called))
    }

    /// The admin token of this id or name.
    pub fn find_admin_token<'r>(records: &'r Records, reference: &Reference) -> Result<&'r AdminToken, AdminError> {
        let called = reference.as_str();
        let id = called.parse::<AdminTokenId>().ok();
        let tokens = &records.admin_tokens;
        tokens
            .iter()
            .find(|token| Some(token.id) == id)
            .or_else(|| tokens.iter().find(|token| token.name == called && token.status != KeyStatus::Revoked))
            .ok_or_else(|| AdminError::not_found("admin token", called))
    }
}

/// Refuses a change when `If-Match` names another revision than the current one.
pub fn check_revision(wanted: Option<u64>, current: u64) -> Result<(), AdminError> {
    match wanted {
        Some(wanted) if wanted != current => Err(AdminError::RevisionMismatch(current)),
        _ => Ok(()),
    }
}
