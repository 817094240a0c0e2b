//! Finding records by what people call them: an id, a name, `provider/name`, or `tenant/name`. Plain functions over [`Records`].

use keyward_domain::credential::Credential;
use keyward_domain::ids::{AdminTokenId, CredentialId, ProviderId, TeamId, TenantId, UserId};
use keyward_domain::port::Records;
use keyward_domain::principal::AdminToken;
use keyward_domain::provider::Provider;
use keyward_domain::tenancy::{Team, Tenant, User};
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

    /// The tenant of this id or name.
    pub fn find_tenant(records: &Records, reference: &Reference) -> Result<Tenant, AdminError> {
        let called = reference.as_str();
        let id = called.parse::<TenantId>().ok();
        let mut tenants = Self::tenants(records).into_iter();
        let found = tenants.find(|tenant| Some(tenant.id) == id || tenant.name == called);
        found.ok_or_else(|| AdminError::not_found("tenant", called))
    }

    /// The team of this id, `tenant/name`, or name: the default tenant's, or the only one.
    pub fn find_team<'r>(records: &'r Records, reference: &Reference) -> Result<&'r Team, AdminError> {
        let called = reference.as_str();
        if let Ok(id) = called.parse::<TeamId>() {
            let found = records.teams.iter().find(|team| team.id == id);
            return found.ok_or_else(|| AdminError::not_found("team", called));
        }
        in_tenants(records, "team", called, &records.teams, |team| (team.tenant, &team.name))
    }

    /// The user of this id, `tenant/name`, or name: the default tenant's, or the only one.
    pub fn find_user<'r>(records: &'r Records, reference: &Reference) -> Result<&'r User, AdminError> {
        let called = reference.as_str();
        if let Ok(id) = called.parse::<UserId>() {
            let found = records.users.iter().find(|user| user.id == id);
            return found.ok_or_else(|| AdminError::not_found("user", called));
        }
        in_tenants(records, "user", called, &records.users, |user| (user.tenant, &user.name))
    }

    /// The virtual key of this id, `tenant/name`, or name: the default tenant's, or the only one.
    pub fn find_vkey<'r>(records: &'r Records, reference: &Reference) -> Result<&'r VirtualKey, AdminError> {
        let called = reference.as_str();
        let id = called.parse::<TokenId>().ok();
        let by_id = records.virtual_keys.iter().find(|key| Some(key.id) == id);
        let by_name =
            || in_tenants(records, "virtual key", called, &records.virtual_keys, |key| (key.tenant, &key.name));
        by_id.map_or_else(by_name, Ok)
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

/// The record of this `tenant/name`. A name without a tenant is the default tenant's, or that of the only other one that
/// has it.
fn in_tenants<'r, T>(
    records: &Records,
    kind: &'static str,
    called: &str,
    all: &'r [T],
    place: impl Fn(&T) -> (TenantId, &String),
) -> Result<&'r T, AdminError> {
    let (tenant, name) = called.split_once('/').map_or((None, called), |(tenant, name)| (Some(tenant), name));
    let named = all.iter().filter(|one| place(one).1 == name);
    let is_there = |one: &&T| tenant.is_none_or(|tenant| Control::tenant_name(records, place(one).0) == tenant);
    let matching: Vec<&T> = named.filter(is_there).collect();
    let of_default = matching.iter().find(|one| place(one).0 == TenantId::DEFAULT);
    match (of_default, matching.as_slice()) {
        (Some(one), _) => Ok(one),
        (None, []) => Err(AdminError::not_found(kind, called)),
        (None, [only]) => Ok(only),
        (None, several) => {
            let full = |one: &&T| format!("`{}/{name}`", Control::tenant_name(records, place(one).0));
            let mut each: Vec<_> = several.iter().map(full).collect();
            each.sort_unstable();
            Err(AdminError::Ambiguous(kind, format!("write one of {}", each.join(", "))))
        }
    }
}

/// Refuses a change when `If-Match` names another revision than the current one.
pub fn check_revision(wanted: Option<u64>, current: u64) -> Result<(), AdminError> {
    match wanted {
        Some(wanted) if wanted != current => Err(AdminError::RevisionMismatch(current)),
        _ => Ok(()),
    }
}
