//! Whose a change is. Pure.

use keyward_domain::ancestry::Ancestry;
use keyward_domain::ids::TenantId;
use keyward_domain::port::{Change, Records, Store, StoreError};
use keyward_domain::principal::Realm;
use keyward_domain::scope::{Reach, Scope, ScopeKind};

use crate::control::grantor::is_of_one_tenant;

/// Whether changes that are made together stay within a realm, of which these are the records.
pub(super) fn are_within(realm: Realm, changes: &[Change], view: &Records) -> bool {
    changes.iter().all(|change| is_within(realm, change, changes, view))
}

/// Changes that no principal with a realm makes are outside of every one.
fn is_within(realm: Realm, change: &Change, together: &[Change], view: &Records) -> bool {
    let is_own = |tenant: TenantId| realm.tenant() == Some(tenant);
    let is_of_team = |team| realm.team().is_none_or(|own| team == Some(own));
    match change {
        Change::PutVirtualKey(key) => is_own(key.tenant) && is_of_team(Ancestry::of(view).team_of(key)),
        Change::PutUser(user) => is_own(user.tenant) && is_of_team(user.team),
        Change::PutTeam(team) => is_own(team.tenant) && is_of_team(Some(team.id)),
        Change::PutAdminToken(token) => realm.contains(token.realm),
        Change::RemoveTeam(id) => view.teams.iter().any(|team| team.id == *id),
        Change::RemoveUser(id) => view.users.iter().any(|user| user.id == *id),
        Change::PutBudget(budget) => {
            let before = view.budgets.iter().find(|before| before.id == budget.id);
            is_own(budget.tenant)
                && before.is_none_or(|before| before.set_by == budget.set_by)
                && may_set(realm, budget.set_by, &budget.reach, view)
        }
        Change::PutLimit(limit) => {
            let before = view.limits.iter().find(|before| before.id == limit.id);
            is_own(limit.tenant)
                && before.is_none_or(|before| before.set_by == limit.set_by)
                && may_set(realm, limit.set_by, &limit.reach, view)
        }
        Change::RemoveBudget(id) => {
            let gone = view.budgets.iter().find(|budget| budget.id == *id);
            gone.is_some_and(|budget| realm.contains(budget.set_by) || goes_with(&budget.reach, together))
        }
        Change::RemoveLimit(id) => {
            let gone = view.limits.iter().find(|limit| limit.id == *id);
            gone.is_some_and(|limit| realm.contains(limit.set_by) || goes_with(&limit.reach, together))
        }
        _ => false,
    }
}

/// Whether a realm sets something on this: on what is its own, and within the tenant.
fn may_set(realm: Realm, set_by: Realm, reach: &Reach, view: &Records) -> bool {
    let is_own = |tenant: TenantId| realm.tenant() == Some(tenant);
    let is_there = match reach {
        Reach::One(Scope::Tenant(id) | Scope::EndUser(id, _) | Scope::Tag(id, _)) => is_own(*id),
        Reach::One(Scope::Team(id)) => view.teams.iter().any(|team| team.id == *id),
        Reach::One(Scope::User(id)) => view.users.iter().any(|user| user.id == *id),
        Reach::One(Scope::VirtualKey(id)) => view.virtual_keys.iter().any(|key| key.id == *id),
        Reach::One(_) | Reach::Each(ScopeKind::Tenant) => false,
        Reach::Each(kind) => is_of_one_tenant(*kind),
    };
    is_there && realm.team().is_none() && realm.contains(set_by)
}

/// What was set on a team or a user goes with them, whoever set it.
fn goes_with(reach: &Reach, together: &[Change]) -> bool {
    together.iter().any(|change| match change {
        Change::RemoveTeam(id) => *reach == Reach::One(Scope::Team(*id)),
        Change::RemoveUser(id) => *reach == Reach::One(Scope::User(*id)),
        _ => false,
    })
}

/// Whose part of the installation these changes are made in, for the audit log: what follows from the first of them, such
/// as the grants that a new name of a provider changes, does not count. `None` for what belongs to nobody.
pub(in crate::control) fn tenant_of_all(changes: &[Change], store: &dyn Store) -> Result<Option<TenantId>, StoreError> {
    for change in changes {
        if let Some(tenant) = tenant_of(change, store)? {
            return Ok(Some(tenant));
        }
    }
    Ok(None)
}

fn tenant_of(change: &Change, store: &dyn Store) -> Result<Option<TenantId>, StoreError> {
    Ok(match change {
        Change::PutVirtualKey(key) => Some(key.tenant),
        Change::PutAdminToken(token) => Some(token.tenant),
        Change::PutProvider(provider) => Some(provider.tenant),
        Change::PutCredential(key) => Some(key.tenant),
        Change::PutAlias(alias) => Some(alias.tenant),
        Change::PutPrice(price) => Some(price.tenant),
        Change::PutTenant(tenant) => Some(tenant.id),
        Change::PutTeam(team) => Some(team.tenant),
        Change::PutUser(user) => Some(user.tenant),
        Change::PutBudget(budget) => Some(budget.tenant),
        Change::PutLimit(limit) => Some(limit.tenant),
        Change::RemoveTenant(id) => Some(*id),
        Change::RemoveAlias(tenant, _) | Change::RemovePrice(tenant, ..) => Some(*tenant),
        Change::PutVault(_) | Change::RemoveVault(..) => None,
        gone => tenant_of_gone(gone, &store.load()?),
    })
}

/// The same for what only its id is known of.
fn tenant_of_gone(change: &Change, before: &Records) -> Option<TenantId> {
    match change {
        Change::RemoveProvider(id) => before.providers.iter().find(|one| one.id == *id).map(|one| one.tenant),
        Change::RemoveCredential(id) => before.credentials.iter().find(|one| one.id == *id).map(|one| one.tenant),
        Change::RemoveTeam(id) => before.teams.iter().find(|one| one.id == *id).map(|one| one.tenant),
        Change::RemoveUser(id) => before.users.iter().find(|one| one.id == *id).map(|one| one.tenant),
        Change::RemoveBudget(id) => before.budgets.iter().find(|one| one.id == *id).map(|one| one.tenant),
        Change::RemoveLimit(id) => before.limits.iter().find(|one| one.id == *id).map(|one| one.tenant),
        _ => None,
    }
}
