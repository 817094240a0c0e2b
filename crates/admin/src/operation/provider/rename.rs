//! What speaks of a provider by its name follows when the name changes.

use keyward_domain::port::{Change, PriceOverride, Records};

/// The changes that carry aliases, prices and grants over to a provider's new name.
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

/// `old/model` as `new/model`; everything else as it is.
fn moved(name: &str, old: &str, new: &str) -> String {
    match name.strip_prefix(old).and_then(|rest| rest.strip_prefix('/')) {
        Some(model) => format!("{new}/{model}"),
        None => name.to_owned(),
    }
}
