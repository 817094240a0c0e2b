//! What there is in a realm. Pure.

use keyward_domain::ancestry::Ancestry;
use keyward_domain::ids::TenantId;
use keyward_domain::port::Records;
use keyward_domain::principal::Realm;
use keyward_domain::scope::{Reach, Scope, ScopeKind};
use keyward_domain::tenancy::User;
use keyward_domain::virtual_key::VirtualKey;

use crate::control::grantor::is_of_one_tenant;

/// The records that are in the realm. A list that is not named here is empty, so a new sort of record is hidden until
/// somebody decides who may see it.
pub(super) fn within(realm: Realm, all: Records) -> Records {
    let Some(tenant) = realm.tenant() else { return all };
    let is_of_team = |team| realm.team().is_none_or(|own| team == Some(own));
    let ancestry = Ancestry::of(&all);
    let keys = all.virtual_keys.iter().filter(|key| key.tenant == tenant && is_of_team(ancestry.team_of(key)));
    let virtual_keys: Vec<_> = keys.cloned().collect();
    let users: Vec<_> =
        all.users.iter().filter(|user| user.tenant == tenant && is_of_team(user.team)).cloned().collect();
    let binds = |owner, reach: &Reach| binds(realm, owner, reach, &users, &virtual_keys);
    let is_tenants = realm.team().is_none();
    let only = |own: TenantId| own == tenant && is_tenants;
    Records {
        // The installation is what the default tenant is told of by.
        install: all.install.filter(|_| tenant == TenantId::DEFAULT),
        admin_tokens: all.admin_tokens.into_iter().filter(|token| realm.contains(token.realm)).collect(),
        tenants: all.tenants.into_iter().filter(|one| one.id == tenant).collect(),
        teams: all.teams.into_iter().filter(|team| team.tenant == tenant && is_of_team(Some(team.id))).collect(),
        aliases: all.aliases.into_iter().filter(|alias| only(alias.tenant)).collect(),
        prices: all.prices.into_iter().filter(|price| only(price.tenant)).collect(),
        budgets: all.budgets.into_iter().filter(|budget| binds(budget.tenant, &budget.reach)).collect(),
        limits: all.limits.into_iter().filter(|limit| binds(limit.tenant, &limit.reach)).collect(),
        virtual_keys,
        users,
        ..Records::default()
    }
}

/// Whether what is set on this binds those of the realm and nobody besides. What is set on everybody at once, on a provider
/// or on a provider key binds them too, but its figures are those of all.
fn binds(realm: Realm, owner: TenantId, reach: &Reach, users: &[User], keys: &[VirtualKey]) -> bool {
    let is_own = realm.tenant() == Some(owner);
    let Some(team) = realm.team() else {
        return match reach {
            // One of its own for each tenant.
            Reach::Each(ScopeKind::Tenant) => true,
            Reach::Each(kind) => is_own && (is_of_one_tenant(*kind) || *kind == ScopeKind::Model),
            Reach::One(scope) => is_own && (is_of_one_tenant(scope.kind()) || scope.kind() == ScopeKind::Model),
        };
    };
    match reach {
        Reach::One(Scope::Team(one)) => *one == team,
        Reach::One(Scope::User(one)) => users.iter().any(|user| user.id == *one),
        Reach::One(Scope::VirtualKey(one)) => keys.iter().any(|key| key.id == *one),
        Reach::One(_) | Reach::Each(_) => false,
    }
}
