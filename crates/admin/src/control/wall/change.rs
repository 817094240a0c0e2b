//! Whose a change is. Pure.

use keyward_domain::ancestry::Ancestry;
use keyward_domain::ids::TenantId;
use keyward_domain::port::{Change, Records, Store, StoreError};
use keyward_domain::principal::Realm;

/// Whether a change stays within a realm, of which these are the records. Changes that no principal with a realm makes
/// are outside of every one.
pub(super) fn is_within(realm: Realm, change: &Change, view: &Records) -> bool {
    let is_own = |tenant: TenantId| realm.tenant() == Some(tenant);
    let is_of_team = |team| realm.team().is_none_or(|own| team == Some(own));
    match change {
        Change::PutVirtualKey(key) => is_own(key.tenant) && is_of_team(Ancestry::of(view).team_of(key)),
        Change::PutUser(user) => is_own(user.tenant) && is_of_team(user.team),
        Change::PutTeam(team) => is_own(team.tenant) && is_of_team(Some(team.id)),
        Change::PutAdminToken(token) => realm.contains(token.realm),
        Change::RemoveTeam(id) => view.teams.iter().any(|team| team.id == *id),
        Change::RemoveUser(id) => view.users.iter().any(|user| user.id == *id),
        // What was set on a team or a user goes with them.
        Change::RemoveBudget(id) => view.budgets.iter().any(|budget| budget.id == *id),
        Change::RemoveLimit(id) => view.limits.iter().any(|limit| limit.id == *id),
        _ => false,
    }
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
