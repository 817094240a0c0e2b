//! Changing the configuration, with the rules of the port: revisions, unique names, references.

use keyward_domain::alias::Alias;
use keyward_domain::budget::Budget;
use keyward_domain::credential::Credential;
use keyward_domain::ids::{AdminTokenId, BudgetId, CredentialId, LimitId, ProviderId, TenantId};
use keyward_domain::limit::Limit;
use keyward_domain::port::{Change, PriceOverride, Records, StoreError};
use keyward_domain::principal::AdminToken;
use keyward_domain::provider::Provider;
use keyward_domain::token::TokenId;
use keyward_domain::virtual_key::VirtualKey;

use super::tenancy;
use crate::change::{Noun, alias_noun, price_noun, vault_noun};

/// Applies one change. After an error the records are to be thrown away.
pub(super) fn apply(records: &mut Records, change: &Change) -> Result<(), StoreError> {
    match change {
        Change::PutVault(record) => {
            records.vault.retain(|other| (&other.kind, &other.id) != (&record.kind, &record.id));
            records.vault.push(record.clone());
            records.vault.sort_by(|one, other| (&one.kind, &one.id).cmp(&(&other.kind, &other.id)));
            Ok(())
        }
        Change::RemoveVault(kind, id) => {
            remove(&mut records.vault, |record| (&record.kind, &record.id) == (kind, id), || vault_noun(kind, id))
        }
        Change::PutProvider(provider) => {
            let taken = |other: &_| same_provider_name(other, provider);
            put(&mut records.providers, provider, &PROVIDER, taken)
        }
        Change::RemoveProvider(id) => {
            if records.credentials.iter().any(|credential| credential.provider == *id) {
                return Err(StoreError::InUse(format!("provider `{id}`")));
            }
            remove(&mut records.providers, |provider| provider.id == *id, || format!("provider `{id}`"))
        }
        Change::PutCredential(credential) => {
            if !records.providers.iter().any(|provider| provider.id == credential.provider) {
                return Err(StoreError::Conflict(format!("the provider of {}", credential.noun())));
            }
            put(&mut records.credentials, credential, &CREDENTIAL, |other| {
                other.provider == credential.provider && other.name == credential.name
            })
        }
        Change::RemoveCredential(id) => {
            remove(&mut records.credentials, |credential| credential.id == *id, || format!("provider key `{id}`"))
        }
        Change::PutVirtualKey(key) => put(&mut records.virtual_keys, key, &VIRTUAL_KEY, |other| {
            other.tenant == key.tenant && other.name == key.name
        }),
        Change::PutAdminToken(token) => {
            put(&mut records.admin_tokens, token, &ADMIN_TOKEN, |other| other.token_id == token.token_id)
        }
        Change::PutAlias(alias) => put(&mut records.aliases, alias, &ALIAS, |_| false),
        Change::RemoveAlias(tenant, name) => {
            remove(&mut records.aliases, |alias| alias.tenant == *tenant && alias.name == *name, || alias_noun(name))
        }
        Change::PutPrice(price) => put(&mut records.prices, price, &PRICE, |_| false),
        Change::RemovePrice(tenant, provider, model) => {
            let same = |price: &_| is_price_of(price, *tenant, provider, model);
            remove(&mut records.prices, same, || price_noun(provider, model))
        }
        Change::PutTenant(_) | Change::RemoveTenant(_) | Change::PutTeam(_) | Change::RemoveTeam(_) => {
            tenancy::apply(records, change)
        }
        Change::PutUser(_) | Change::RemoveUser(_) => tenancy::apply(records, change),
        Change::PutBudget(budget) => put(&mut records.budgets, budget, &BUDGET, |_| false),
        Change::RemoveBudget(id) => {
            remove(&mut records.budgets, |budget| budget.id == *id, || format!("budget `{id}`"))
        }
        Change::PutLimit(limit) => put(&mut records.limits, limit, &LIMIT, |_| false),
        Change::RemoveLimit(id) => remove(&mut records.limits, |limit| limit.id == *id, || format!("limit `{id}`")),
    }
}

/// What is known about a kind of record.
pub(super) struct Kind<T, K: Ord> {
    pub(super) key: fn(&T) -> K,
    pub(super) revision: fn(&T) -> u64,
    /// Whether people choose the key themselves, so that a key that is there means a name that is taken.
    pub(super) keyed_by_name: bool,
}

const BUDGET: Kind<Budget, BudgetId> =
    Kind { key: |record| record.id, revision: |record| record.revision, keyed_by_name: false };
const LIMIT: Kind<Limit, LimitId> =
    Kind { key: |record| record.id, revision: |record| record.revision, keyed_by_name: false };

const PROVIDER: Kind<Provider, ProviderId> =
    Kind { key: |record| record.id, revision: |record| record.revision, keyed_by_name: false };
const CREDENTIAL: Kind<Credential, CredentialId> =
    Kind { key: |record| record.id, revision: |record| record.revision, keyed_by_name: false };
const VIRTUAL_KEY: Kind<VirtualKey, TokenId> =
    Kind { key: |record| record.id, revision: |record| record.revision, keyed_by_name: false };
const ADMIN_TOKEN: Kind<AdminToken, AdminTokenId> =
    Kind { key: |record| record.id, revision: |record| record.revision, keyed_by_name: false };
const ALIAS: Kind<Alias, (TenantId, String)> = Kind {
    key: |record| (record.tenant, record.name.clone()),
    revision: |record| record.revision,
    keyed_by_name: true,
};
const PRICE: Kind<PriceOverride, (TenantId, String, String)> = Kind {
    key: |record| (record.tenant, record.provider.clone(), record.model.clone()),
    revision: |record| record.revision,
    keyed_by_name: false,
};

pub(super) fn put<T: Clone + Noun, K: Ord>(
    list: &mut Vec<T>,
    record: &T,
    kind: &Kind<T, K>,
    taken: impl Fn(&T) -> bool,
) -> Result<(), StoreError> {
    let key = (kind.key)(record);
    let place = list.binary_search_by(|other| (kind.key)(other).cmp(&key));
    let revision = (kind.revision)(record);
    let stored = place.ok().and_then(|at| list.get(at)).map(kind.revision);
    match stored {
        None if revision != 1 => return Err(StoreError::Conflict(record.noun())),
        Some(_) if revision == 1 && kind.keyed_by_name => return Err(StoreError::Duplicate(record.noun())),
        Some(stored) if revision == 1 || stored.checked_add(1) != Some(revision) => {
            return Err(StoreError::Conflict(record.noun()));
        }
        _ => {}
    }
    if list.iter().any(|other| (kind.key)(other) != key && taken(other)) {
        return Err(StoreError::Duplicate(record.noun()));
    }
    match place {
        Ok(at) => list.splice(at..=at, [record.clone()]).for_each(drop),
        Err(at) => list.insert(at, record.clone()),
    }
    Ok(())
}

pub(super) fn remove<T>(
    list: &mut Vec<T>,
    same: impl Fn(&T) -> bool,
    noun: impl Fn() -> String,
) -> Result<(), StoreError> {
    let Some(at) = list.iter().position(same) else { return Err(StoreError::Conflict(noun())) };
    list.remove(at);
    Ok(())
}

fn same_provider_name(one: &Provider, other: &Provider) -> bool {
    one.tenant == other.tenant && one.name == other.name
}

fn is_price_of(price: &PriceOverride, tenant: TenantId, provider: &str, model: &str) -> bool {
    price.tenant == tenant && price.provider == provider && price.model == model
}
