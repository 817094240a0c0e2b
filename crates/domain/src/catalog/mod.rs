//! The price catalog: what models can do and what they cost, by provider.
//!
//! The file format, the look-up rules and the charge rules are in `catalog/README.md` at the root of the project;
//! [`crate::cost`] is the arithmetic. A price is known, free because somebody said so, or unknown. It is never 0 by
//! accident: prices of nothing but zeros and prices marked `suspect` are unknown.

mod alias;
mod entry;
mod file;
mod model;
mod prices;

pub use model::{Capabilities, Capability, Kind, Model, Pricing};
pub use prices::{Prices, RateKey, ServiceClass, UnitKey};

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

/// The catalog as it is shipped: facts about vendors.
const SHIPPED: &[u8] = include_bytes!("../../../../catalog/models.json");
/// The sandbox provider's models, with prices so that trying things out shows costs.
const SANDBOX: &[u8] = include_bytes!("../../../../catalog/sandbox.json");

type Models = BTreeMap<Box<str>, Arc<Model>>;

/// Models by provider. Cheap to clone: models are shared.
#[derive(Debug, Clone)]
pub struct Catalog {
    providers: BTreeMap<Box<str>, Models>,
    version: Arc<str>,
}

/// Why a catalog file is refused. Nothing of it is used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CatalogError {
    /// It is not JSON of the expected form, or an entry is wrong; the text says where.
    #[error("the catalog cannot be read: {0}")]
    Form(String),
    /// It is of a later schema.
    #[error("the catalog has schema {0}, this version reads schema 1")]
    Schema(u64),
    /// One model's entry of an overlay is wrong, or a model has no name.
    #[error("catalog entry {provider}/{model}: {problem}")]
    Entry {
        /// Which provider.
        provider: String,
        /// Which model.
        model: String,
        /// What is wrong.
        problem: String,
    },
}

impl Catalog {
    /// A catalog without models, for tests.
    pub fn empty() -> Self {
        Self { providers: BTreeMap::new(), version: "".into() }
    }

    /// The catalog that comes with Keyward, sandbox models included.
    pub fn shipped() -> Result<Self, CatalogError> {
        let mut catalog = Self::from_json(SHIPPED)?;
        let version = Arc::clone(&catalog.version);
        catalog.overlay_json(SANDBOX)?;
        catalog.version = version;
        Ok(catalog)
    }

    /// Reads a whole catalog file and checks every entry.
    pub fn from_json(json: &[u8]) -> Result<Self, CatalogError> {
        let file = file::read(json)?;
        for (provider, listed) in &file.providers {
            for name in listed.models.keys() {
                named(name).map_err(|problem| invalid(provider, name, problem))?;
            }
        }
        let providers = file.providers.into_iter().map(|(provider, listed)| (provider, listed.models)).collect();
        Ok(Self { providers, version: file.generated.into() })
    }

    /// Lays a file of the same form over this catalog: entries are merged key by key, `null` deletes a key or a whole
    /// model, arrays are replaced. All of it or, on an error, nothing.
    pub fn overlay_json(&mut self, json: &[u8]) -> Result<(), CatalogError> {
        let overlay = file::read_overlay(json)?;
        let mut next = self.clone();
        for (provider, models) in overlay {
            let known = next.providers.entry(provider.clone().into()).or_default();
            for (name, entry) in models {
                if entry.is_null() {
                    known.remove(name.as_str());
                    continue;
                }
                let base = known.get(name.as_str()).map(AsRef::as_ref);
                let model = named(&name).and_then(|()| Model::overridden(base, &entry));
                let model = model.map_err(|problem| invalid(&provider, &name, problem))?;
                known.insert(name.into(), Arc::new(model));
            }
        }
        next.version = format!("{}+{:08x}", self.version, crc32fast::hash(json)).into();
        *self = next;
        Ok(())
    }

    /// Which facts these are, for every ledger row: the date of the file (`2026-11-20`), and after a plus sign a
    /// checksum of each overlay.
    pub fn version(&self) -> &Arc<str> {
        &self.version
    }

    /// The model under exactly this name, else under the name without a date, `-latest` or a fine-tune's owner.
    pub fn model(&self, provider: &str, model: &str) -> Option<&Arc<Model>> {
        let models = self.providers.get(provider)?;
        models.get(model).or_else(|| alias::shorter(model).find_map(|name| models.get(name)))
    }

    /// A provider's models in the order of their names; none when the provider is not in the catalog.
    pub fn models(&self, provider: &str) -> impl Iterator<Item = (&str, &Arc<Model>)> {
        self.providers.get(provider).into_iter().flatten().map(|(name, model)| (&**name, model))
    }

    /// The providers that the catalog knows something about.
    pub fn providers(&self) -> impl Iterator<Item = &str> {
        self.providers.keys().map(AsRef::as_ref)
    }
}

impl Model {
    /// This entry laid over what the catalog says about the model, if it says anything: how an operator's price and a
    /// catalog overlay are applied. `{"free": true}` declares the model free; any price clears a `free` or `suspect`
    /// mark that it does not repeat. The error says what is wrong with the entry.
    pub fn overridden(base: Option<&Self>, entry: &Value) -> Result<Self, String> {
        let mut merged = base.map_or_else(|| Value::Object(serde_json::Map::new()), Self::to_json);
        let priced = ["price", "tiers", "unit", "search", "variants"].iter().any(|key| entry.get(key).is_some());
        if let (true, Value::Object(fields)) = (priced, &mut merged) {
            fields.remove("free");
            fields.remove("suspect");
        }
        merge(&mut merged, entry);
        serde_json::from_value(merged).map_err(|error| error.to_string())
    }
}

/// RFC 7396: objects are merged, `null` deletes, everything else replaces.
fn merge(base: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        *base = patch.clone();
        return;
    };
    if !base.is_object() {
        *base = Value::Object(serde_json::Map::new());
    }
    let Some(fields) = base.as_object_mut() else { return };
    for (name, change) in changes {
        if change.is_null() {
            fields.remove(name);
        } else {
            merge(fields.entry(name.as_str()).or_insert(Value::Null), change);
        }
    }
}

fn named(name: &str) -> Result<(), String> {
    if name.trim().is_empty() { Err("a model needs a name".to_owned()) } else { Ok(()) }
}

fn invalid(provider: &str, model: &str, problem: String) -> CatalogError {
    CatalogError::Entry { provider: provider.to_owned(), model: model.to_owned(), problem }
}
