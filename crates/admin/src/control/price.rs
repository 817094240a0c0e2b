//! What a model costs: known, free by declaration, or unknown. Never silently zero.

use keyward_domain::port::{PriceOverride, Records};
use keyward_domain::provider::{Provider, ProviderKind};
use serde_json::Value;

use super::Control;

/// The price catalog as it was shipped, or as the config overrides it.
pub trait PriceBook: Send + Sync {
    /// A model's entry in the catalog's own format; `None` when the catalog does not know the model.
    fn entry(&self, catalog: &str, model: &str) -> Option<Value>;
}

/// What is known about a model's price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It has a price.
    Known {
        /// Who says so: `operator` or `catalog`.
        source: &'static str,
        /// The entry with the rates.
        entry: Value,
    },
    /// It costs nothing.
    Free {
        /// Who says so: `operator`, or `provider` when the whole provider was declared free.
        source: &'static str,
    },
    /// Nobody knows. A budget refuses it; without one it is counted as unpriced.
    Unknown,
}

impl Control {
    /// What is known about the price of a provider's model. The operator's word goes first, then the catalog's, then
    /// the declaration that the provider is free.
    pub fn standing(&self, records: &Records, provider: &Provider, model: &str) -> Standing {
        let own = |price: &&PriceOverride| price.provider == provider.name && price.model == model;
        if let Some(price) = records.prices.iter().find(own) {
            return if is_free(&price.entry) {
                Standing::Free { source: "operator" }
            } else {
                Standing::Known { source: "operator", entry: price.entry.clone() }
            };
        }
        let listed = provider.catalog.as_deref().and_then(|catalog| self.ports.catalog.entry(catalog, model));
        match listed.filter(is_priced) {
            Some(entry) => Standing::Known { source: "catalog", entry },
            None if provider.free || provider.kind == ProviderKind::Sandbox => Standing::Free { source: "provider" },
            None => Standing::Unknown,
        }
    }
}

fn is_free(entry: &Value) -> bool {
    entry.get("free").and_then(Value::as_bool).unwrap_or(false)
}

/// Whether an entry has rates that may be charged with: those that look like a slip of units may not.
fn is_priced(entry: &Value) -> bool {
    let has = |part: &str| entry.get(part).is_some_and(|part| part.as_object().is_some_and(|part| !part.is_empty()));
    let suspect = entry.get("suspect").and_then(Value::as_bool).unwrap_or(false);
    !suspect && (has("price") || has("unit"))
}
