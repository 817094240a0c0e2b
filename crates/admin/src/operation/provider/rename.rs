//! What speaks of a provider by its name follows when the name changes.

use keyward_domain::budget::Budget;
use keyward_domain::limit::Limit;
use keyward_domain::port::{Change, PriceOverride, Records};
use keyward_domain::scope::{Reach, Scope};
use keyward_domain::tenancy::{Team, Tenant, User};
use keyward_domain::virtual_key::{Grant, VirtualKey};

/// The changes that carry aliases, prices, grants, budgets and limits over to a provider's new name.
pub(super) fn renamed(records: &Records, old: &str, new: &str) -> Vec<Change> {
    if old == new {
        return Vec::new();
    }
    let mut changes = Vec::new();
    for alias in &records.aliases {
        let mut led = alias.clone();
        let fallbacks = led.fallback.values_mut().flatten();
        led.targets.iter_mut().chain(fallbacks).for_each(|target| *target = moved(target, old, new));
        if led != *alias {
            led.revision += 1;
            changes.push(Change::PutAlias(led));
        }
    }
    for price in records.prices.iter().filter(|price| price.provider == old) {
        changes.push(Change::RemovePrice(price.tenant, price.provider.clone(), price.model.clone()));
        changes.push(Change::PutPrice(PriceOverride { provider: new.to_owned(), revision: 1, ..price.clone() }));
    }
    for budget in &records.budgets {
        if let Some(reach) = moved_reach(&budget.reach, old, new) {
            let revision = budget.revision + 1;
            changes.push(Change::PutBudget(Budget { reach, revision, ..budget.clone() }));
        }
    }
    for limit in &records.limits {
        if let Some(reach) = moved_reach(&limit.reach, old, new) {
            let revision = limit.revision + 1;
            changes.push(Change::PutLimit(Limit { reach, revision, ..limit.clone() }));
        }
    }
    changes.extend(granted(records, old, new));
    changes
}

/// The changes that carry grants over.
fn granted(records: &Records, old: &str, new: &str) -> Vec<Change> {
    let moved_in = |grant: &Grant| {
        let models: Vec<_> = grant.models.iter().map(|pattern| moved(pattern, old, new)).collect();
        (models != grant.models).then(|| Grant { models, ..grant.clone() })
    };
    let mut changes = Vec::new();
    changes.extend(records.tenants.iter().filter_map(|tenant| {
        let grant = moved_in(&tenant.grant)?;
        Some(Change::PutTenant(Tenant { grant, revision: tenant.revision + 1, ..tenant.clone() }))
    }));
    changes.extend(records.teams.iter().filter_map(|team| {
        let grant = moved_in(&team.grant)?;
        Some(Change::PutTeam(Team { grant, revision: team.revision + 1, ..team.clone() }))
    }));
    changes.extend(records.users.iter().filter_map(|user| {
        let grant = moved_in(&user.grant)?;
        Some(Change::PutUser(User { grant, revision: user.revision + 1, ..user.clone() }))
    }));
    changes.extend(records.virtual_keys.iter().filter_map(|key| {
        let grant = moved_in(&key.grant)?;
        Some(Change::PutVirtualKey(VirtualKey { grant, revision: key.revision + 1, ..key.clone() }))
    }));
    changes
}

/// What is set on a model of the provider, set on it under its new name.
fn moved_reach(reach: &Reach, old: &str, new: &str) -> Option<Reach> {
    let Reach::One(Scope::Model(tenant, model)) = reach else { return None };
    let to = moved(model, old, new);
    (to != **model).then(|| Reach::One(Scope::Model(*tenant, to.into())))
}

/// `old/model` as `new/model`; everything else as it is.
fn moved(name: &str, old: &str, new: &str) -> String {
    match name.strip_prefix(old).and_then(|rest| rest.strip_prefix('/')) {
        Some(model) => format!("{new}/{model}"),
        None => name.to_owned(),
    }
}
