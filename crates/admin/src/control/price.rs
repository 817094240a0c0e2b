//! What a model costs: known, free by declaration, or unknown. Never silently zero.

use std::sync::Arc;

use keyward_domain::catalog::{Model, Pricing};
use keyward_domain::port::{PriceOverride, Records};
use keyward_domain::provider::Provider;

use super::Control;

/// What is known about a model.
#[derive(Debug, Clone)]
pub struct Standing {
    /// What it can do and what it costs, when anybody says anything about it.
    pub model: Option<Arc<Model>>,
    /// What it costs here.
    pub pricing: Pricing,
    /// Who says so: `operator`, `catalog`, or `provider` when the whole provider was declared free.
    pub source: Option<&'static str>,
    /// Which price table this is, as new rows of the ledger name it; empty when the price is unknown.
    pub version: Arc<str>,
}

impl Control {
    /// What is known about a provider's model. The operator's word goes first, then the catalog's, then the declaration
    /// that the provider is free.
    pub fn standing(&self, records: &Records, provider: &Provider, model: &str) -> Standing {
        let listed = self.listed(provider, model);
        let own = |price: &&PriceOverride| price.provider == provider.name && price.model == model;
        let overridden =
            records.prices.iter().find(own).map(|price| Model::overridden(listed.as_deref(), &price.entry));
        let (model, source) = match overridden {
            Some(Ok(model)) => (Some(Arc::new(model)), "operator"),
            Some(Err(error)) => {
                // Checked when it was set; a later version may read entries differently.
                tracing::warn!(provider = %provider.name, model, error, "the price that was set cannot be read");
                (None, "operator")
            }
            None => (listed, "catalog"),
        };
        let pricing = model.as_ref().map_or(Pricing::Unknown, |model| model.pricing.clone());
        let revision = records.prices.iter().find(own).map(|price| price.revision);
        let (pricing, source) = match (&pricing, pricing.at_provider(provider.free)) {
            (Pricing::Unknown, Pricing::Free) => (Pricing::Free, Some("provider")),
            (Pricing::Unknown, pricing) => (pricing, None),
            (_, pricing) => (pricing, Some(source)),
        };
        let version = self.version(&pricing, revision);
        Standing { model, pricing, source, version }
    }

    /// The same name that the data plane gives.
    fn version(&self, pricing: &Pricing, own: Option<u64>) -> Arc<str> {
        let catalog = self.ports.catalog.version();
        match (pricing, own) {
            (Pricing::Unknown, _) => "".into(),
            (_, Some(revision)) => format!("{catalog}+own.{revision}").into(),
            (_, None) => Arc::clone(catalog),
        }
    }

    /// What the catalog says about a provider's model.
    pub fn listed(&self, provider: &Provider, model: &str) -> Option<Arc<Model>> {
        self.ports.catalog.model(provider.catalog.as_deref()?, model).cloned()
    }
}
