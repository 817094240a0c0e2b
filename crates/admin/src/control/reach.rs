//! What budgets and limits are set on: from the names that people write to ids, and back.

use std::sync::Arc;

use keyward_domain::budget::Budget;
use keyward_domain::ids::TenantId;
use keyward_domain::limit::Limit;
use keyward_domain::port::{Change, Records};
use keyward_domain::scope::{MAX_CLAIM, Reach, Scope, ScopeKind};

use super::Control;
use crate::error::AdminError;
use crate::field::{ReachText, Reference, Target, scope_word};

/// What this is set on, and whose it is. A name without a tenant is that of the tenant of who asks (`own`), or of the only
/// other one that has it. Names that nobody has are refused, except those of end users, tags and models, which come with
/// calls.
pub fn resolve_reach(records: &Records, own: TenantId, text: &ReachText) -> Result<(TenantId, Reach), AdminError> {
    match text {
        ReachText::Each(kind, None) => Ok((kind.within(own), Reach::Each(*kind))),
        ReachText::Each(ScopeKind::Tenant, Some(_)) => {
            let message = "each:tenant is about every tenant: leave the name in front of it out, or write tenant:NAME";
            Err(AdminError::invalid_field("scope", message))
        }
        ReachText::Each(kind @ (ScopeKind::Global | ScopeKind::Provider | ScopeKind::Credential), Some(_)) => {
            let word = scope_word(*kind);
            let message = format!("each:{word} counts the calls of all tenants: leave the name in front of it out");
            Err(AdminError::invalid_field("scope", message))
        }
        ReachText::Each(kind, Some(tenant)) => Ok((find_tenant(records, tenant)?, Reach::Each(*kind))),
        ReachText::One(kind, name) => {
            let (tenant, scope) = resolve_scope(records, own, *kind, name)?;
            Ok((tenant, Reach::One(scope)))
        }
    }
}

/// The one scope that this names.
pub fn one_scope(records: &Records, own: TenantId, text: &ReachText) -> Result<(TenantId, Scope), AdminError> {
    match text {
        ReachText::One(kind, name) => resolve_scope(records, own, *kind, name),
        ReachText::Each(..) => {
            Err(AdminError::invalid_field("applies_to", "name one scope, such as user:ada, not each of a kind"))
        }
    }
}

fn resolve_scope(
    records: &Records,
    own: TenantId,
    kind: ScopeKind,
    name: &str,
) -> Result<(TenantId, Scope), AdminError> {
    Ok(match kind {
        ScopeKind::Global => (TenantId::DEFAULT, Scope::Global),
        ScopeKind::Tenant => {
            let tenant = find_tenant(records, name)?;
            (tenant, Scope::Tenant(tenant))
        }
        ScopeKind::Team => {
            let named = records.teams.iter().find(|team| team.tenant == own && team.name == name);
            let team = named.map_or_else(|| Control::find_team(records, &reference(name)?), Ok)?;
            (team.tenant, Scope::Team(team.id))
        }
        ScopeKind::User => {
            let named = records.users.iter().find(|user| user.tenant == own && user.name == name);
            let user = named.map_or_else(|| Control::find_user(records, &reference(name)?), Ok)?;
            (user.tenant, Scope::User(user.id))
        }
        ScopeKind::VirtualKey => {
            let named = records.virtual_keys.iter().find(|key| key.tenant == own && key.name == name);
            let key = named.map_or_else(|| Control::find_vkey(records, &reference(name)?), Ok)?;
            (key.tenant, Scope::VirtualKey(key.id))
        }
        ScopeKind::EndUser | ScopeKind::Tag => {
            let (tenant, name) = split_tenant(records, own, name);
            if name.len() > MAX_CLAIM {
                return Err(AdminError::invalid_field(
                    "scope",
                    "names of end users and tags are at most 128 bytes long",
                ));
            }
            let name = Arc::from(name);
            (tenant, if kind == ScopeKind::Tag { Scope::Tag(tenant, name) } else { Scope::EndUser(tenant, name) })
        }
        ScopeKind::Provider => {
            let provider = Control::find_provider(records, &reference(name)?)?;
            (provider.tenant, Scope::Provider(provider.id))
        }
        ScopeKind::Credential => {
            let key = Control::find_key(records, &reference(name)?)?;
            (key.tenant, Scope::Credential(key.id))
        }
        ScopeKind::Model => model(records, own, name)?,
    })
}

fn reference(name: &str) -> Result<Reference, AdminError> {
    name.to_owned().try_into().map_err(|rule| AdminError::invalid_field("scope", rule))
}

/// `provider/model`, with the tenant in front when no provider is called like that.
fn model(records: &Records, own: TenantId, name: &str) -> Result<(TenantId, Scope), AdminError> {
    let knows = |name: &str| records.providers.iter().any(|known| Some(known.name.as_str()) == name.split('/').next());
    let (tenant, name) = if knows(name) { (own, name) } else { split_tenant(records, own, name) };
    let target: Target = name.to_owned().try_into().map_err(|rule| AdminError::invalid_field("scope", rule))?;
    if !knows(name) {
        return Err(AdminError::not_found("provider", target.parts().0));
    }
    Ok((tenant, Scope::Model(tenant, target.as_str().into())))
}

fn find_tenant(records: &Records, name: &str) -> Result<TenantId, AdminError> {
    Ok(Control::find_tenant(records, &reference(name)?)?.id)
}

/// A tenant's name in front of a slash, and what follows; without one, the own tenant of who asks.
fn split_tenant<'n>(records: &Records, own: TenantId, name: &'n str) -> (TenantId, &'n str) {
    let split = name.split_once('/').filter(|(_, rest)| !rest.is_empty());
    let known = split.and_then(|(tenant, rest)| Some((find_tenant(records, tenant).ok()?, rest)));
    known.unwrap_or((own, name))
}

/// What a budget or limit of this tenant is set on, as people write it.
pub fn reach_text(records: &Records, tenant: TenantId, reach: &Reach) -> String {
    match reach {
        Reach::One(scope) => scope_text(records, scope),
        Reach::Each(kind) => format!("each:{}{}", prefix(records, tenant), scope_word(*kind)),
    }
}

/// A scope as people write it: by its name, or by its id when it is not there any more.
pub fn scope_text(records: &Records, scope: &Scope) -> String {
    let word = scope_word(scope.kind());
    let name = match scope {
        Scope::Global => return word.to_owned(),
        Scope::Tenant(id) => Control::tenant_name(records, *id),
        Scope::Team(id) => {
            named(records, records.teams.iter().find(|team| team.id == *id).map(|team| (team.tenant, &team.name)), id)
        }
        Scope::User(id) => {
            named(records, records.users.iter().find(|user| user.id == *id).map(|user| (user.tenant, &user.name)), id)
        }
        Scope::VirtualKey(id) => {
            named(records, records.virtual_keys.iter().find(|key| key.id == *id).map(|key| (key.tenant, &key.name)), id)
        }
        Scope::EndUser(tenant, name) | Scope::Tag(tenant, name) => {
            // What looks as if a tenant stood in front needs one in front.
            let is_plain = *tenant == TenantId::DEFAULT && split_tenant(records, *tenant, name).1 == &**name;
            if is_plain { name.to_string() } else { format!("{}/{name}", Control::tenant_name(records, *tenant)) }
        }
        Scope::Model(tenant, name) => format!("{}{name}", prefix(records, *tenant)),
        Scope::Provider(id) => {
            let provider = records.providers.iter().find(|provider| provider.id == *id);
            provider.map_or_else(|| id.to_string(), |provider| provider.name.clone())
        }
        Scope::Credential(id) => {
            let key = records.credentials.iter().find(|key| key.id == *id);
            key.map_or_else(|| id.to_string(), |key| crate::operation::key::full_name(key, records))
        }
    };
    format!("{word}:{name}")
}

fn named(records: &Records, found: Option<(TenantId, &String)>, id: &impl ToString) -> String {
    found.map_or_else(|| id.to_string(), |(tenant, name)| format!("{}{name}", prefix(records, tenant)))
}

/// The default tenant goes without saying.
fn prefix(records: &Records, tenant: TenantId) -> String {
    if tenant == TenantId::DEFAULT { String::new() } else { format!("{}/", Control::tenant_name(records, tenant)) }
}

/// What takes away the budgets and limits that are set on scopes which go: they would never apply again. In the same
/// commit, so that nothing is left behind; those of the config file refuse it, and so the removal.
pub fn allowances_on(records: &Records, goes: impl Fn(TenantId, &Reach) -> bool) -> Vec<Change> {
    let is_gone = |tenant: TenantId, reach: &Reach| goes(tenant, reach);
    let budgets = records.budgets.iter().filter(|budget: &&Budget| is_gone(budget.tenant, &budget.reach));
    let limits = records.limits.iter().filter(|limit: &&Limit| is_gone(limit.tenant, &limit.reach));
    let budgets = budgets.map(|budget| Change::RemoveBudget(budget.id));
    budgets.chain(limits.map(|limit| Change::RemoveLimit(limit.id))).collect()
}
