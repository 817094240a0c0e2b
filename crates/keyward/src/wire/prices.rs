//! The operator's own prices, laid over the catalog. A price is set for one provider; catalog sections may be shared,
//! so a provider that shares its section (or has none) gets one of its own.

use std::collections::BTreeMap;

use keyward_domain::catalog::{Catalog, Model};
use keyward_domain::port::Records;
use keyward_domain::provider::Provider;
use serde_json::{Map, Value, json};

/// The catalog with the operator's prices over it. Providers that need a section of their own are pointed to it.
pub fn lay_over(catalog: &Catalog, records: &mut Records) -> Catalog {
    let mut sections: BTreeMap<String, Value> = BTreeMap::new();
    let names: Vec<String> = records.providers.iter().map(|provider| provider.name.clone()).collect();
    for name in names {
        let Some((section, models)) = section_of(&name, catalog, records) else { continue };
        if let Some(provider) = records.providers.iter_mut().find(|provider| provider.name == name) {
            provider.catalog = Some(section.clone());
        }
        sections.insert(section, json!({ "models": models }));
    }
    let mut priced = catalog.clone();
    if sections.is_empty() {
        return priced;
    }
    let overlay = json!({ "schema": 1, "providers": sections }).to_string();
    if let Err(error) = priced.overlay_json(overlay.as_bytes()) {
        tracing::error!(%error, "the prices that were set could not be applied; the catalog's count");
    }
    priced
}

/// The catalog section for a provider with prices of its own, and what it says.
fn section_of(name: &str, catalog: &Catalog, records: &Records) -> Option<(String, Map<String, Value>)> {
    let provider = records.providers.iter().find(|provider| provider.name == name)?;
    let set: Vec<_> = records.prices.iter().filter(|price| price.provider == name).collect();
    if set.is_empty() {
        return None;
    }
    let shared = |section: &&String| {
        records.providers.iter().any(|other| other.id != provider.id && other.catalog.as_ref() == Some(*section))
    };
    let own = provider.catalog.as_ref().filter(|section| !shared(section));
    let mut models = if own.is_some() { Map::new() } else { copied(catalog, provider) };
    for price in set {
        let base = provider.catalog.as_deref().and_then(|section| catalog.model(section, &price.model));
        match Model::overridden(base.map(AsRef::as_ref), &price.entry) {
            Ok(model) => {
                models.insert(price.model.clone(), model.to_json());
            }
            Err(problem) => {
                tracing::error!(provider = name, model = price.model, problem, "a price that was set cannot be used");
            }
        }
    }
    // No provider can be called by a name with a colon, so the section cannot meet another.
    let section = own.cloned().unwrap_or_else(|| format!("own:{name}"));
    Some((section, models))
}

fn copied(catalog: &Catalog, provider: &Provider) -> Map<String, Value> {
    let section = provider.catalog.as_deref().unwrap_or_default();
    catalog.models(section).map(|(name, model)| (name.to_owned(), model.to_json())).collect()
}
