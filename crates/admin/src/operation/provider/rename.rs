//! What speaks of a provider by its name follows when the name changes.

use keyward_domain::budget::Budget;
use keyward_domain::limit::Limit;
use keyward_domain::port::{Change, PriceOverride, Records};
use keyward_domain::scope::{Reach, Scope};

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
    for key in &records.virtual_keys {
        let models: Vec<_> = key.grant.models.iter().map(|pattern| moved(pattern, old, new)).collect();
        if models != key.grant.models {
            let mut key = key.clone();
            (key.grant.models, key.revision) = (models, key.revision + 1);
            changes.push(Change::PutVirtualKey(key));
        }
    }
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
