//! What there is in a realm. Pure.

use keyward_domain::ancestry::Ancestry;
use keyward_domain::ids::TenantId;
use keyward_domain::port::Records;
use keyward_domain::principal::Realm;

/// The records that are in the realm. A list that is not named here is empty, so a new sort of record is hidden until
/// somebody decides who may see it.
pub(super) fn within(realm: Realm, all: Records) -> Records {
    let Some(tenant) = realm.tenant() else { return all };
    let is_of_team = |team| realm.team().is_none_or(|own| team == Some(own));
    let ancestry = Ancestry::of(&all);
    let keys = all.virtual_keys.iter().filter(|key| key.tenant == tenant && is_of_team(ancestry.team_of(key)));
    let virtual_keys = keys.cloned().collect();
    let is_tenants = realm.team().is_none();
    let only = |own: TenantId| own == tenant && is_tenants;
    Records {
        // The installation is what the default tenant is told of by.
        install: all.install.filter(|_| tenant == TenantId::DEFAULT),
        virtual_keys,
        admin_tokens: all.admin_tokens.into_iter().filter(|token| realm.contains(token.realm)).collect(),
        tenants: all.tenants.into_iter().filter(|one| one.id == tenant).collect(),
        teams: all.teams.into_iter().filter(|team| team.tenant == tenant && is_of_team(Some(team.id))).collect(),
        users: all.users.into_iter().filter(|user| user.tenant == tenant && is_of_team(user.team)).collect(),
        aliases: all.aliases.into_iter().filter(|alias| only(alias.tenant)).collect(),
        prices: all.prices.into_iter().filter(|price| only(price.tenant)).collect(),
        budgets: all.budgets.into_iter().filter(|budget| only(budget.tenant)).collect(),
        limits: all.limits.into_iter().filter(|limit| only(limit.tenant)).collect(),
        ..Records::default()
    }
}
