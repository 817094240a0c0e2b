use std::collections::BTreeMap;

use keyward_domain::catalog::{Capability, Model};
use keyward_domain::credential::CredentialState;
use keyward_domain::port::Records;
use keyward_domain::provider::Provider;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::control::{Control, Standing};

/// A model of a provider.
#[derive(Debug, Serialize, ToSchema)]
pub struct ModelView {
    /// What clients may send as `model`: `provider/model`.
    pub id: String,
    /// The provider's name.
    pub provider: String,
    /// The provider's own id of the model.
    pub model: String,
    /// How many keys in use offer it and may be used for it.
    pub keys: usize,
    /// Aliases that lead to it.
    pub aliases: Vec<String>,
    /// Its context window, when known.
    pub context_tokens: Option<u64>,
    /// Its longest answer, when known.
    pub max_output_tokens: Option<u64>,
    /// What it can and cannot do, as far as the catalog says.
    pub capabilities: Vec<&'static str>,
    /// What it costs.
    pub price: PriceView,
}

/// What is known about a price.
#[derive(Debug, Serialize, ToSchema)]
pub struct PriceView {
    /// `known`, `free`, or `unknown`: never silently zero.
    pub standing: &'static str,
    /// Who says so: `operator`, `catalog`, `provider` (declared free as a whole), or nobody.
    pub source: Option<&'static str>,
    /// Rates in pico-dollars (10^-12 USD) per unit, in the catalog's own format.
    pub rates: Option<Value>,
}

impl PriceView {
    /// The view of a standing.
    pub fn of(standing: &Standing) -> Self {
        let word = standing.pricing.as_str();
        let priced = standing.model.as_ref().filter(|_| word == "known");
        Self { standing: word, source: standing.source, rates: priced.map(|model| rates(model)) }
    }
}

/// The parts of an entry that are about money.
fn rates(model: &Model) -> Value {
    let mut entry = model.to_json();
    if let Some(parts) = entry.as_object_mut() {
        parts.retain(|part, _| MONEY.contains(&part.as_str()));
    }
    entry
}

const MONEY: [&str; 6] = ["price", "tiers", "unit", "search", "mult_permille", "variants"];

/// A model that at least one key in use of an enabled provider offers and may be used for.
pub(crate) struct Offer<'r> {
    /// The provider.
    pub(crate) provider: &'r Provider,
    /// How many keys offer it.
    pub(crate) keys: usize,
}

/// Every model on offer, by provider name and model.
pub(crate) fn offers(records: &Records) -> BTreeMap<(&str, &str), Offer<'_>> {
    let mut offers = BTreeMap::new();
    for key in records.credentials.iter().filter(|key| key.state == CredentialState::Active) {
        let provider = records.providers.iter().find(|provider| provider.id == key.provider && provider.enabled);
        let Some(provider) = provider else { continue };
        for model in key.models.iter().filter(|model| key.terms.allows_model(model)) {
            let offer = offers.entry((provider.name.as_str(), model.as_str())).or_insert(Offer { provider, keys: 0 });
            offer.keys += 1;
        }
    }
    offers
}

impl ModelView {
    /// The view of a model, on offer or not.
    pub fn of(control: &Control, records: &Records, provider: &Provider, model: &str, keys: usize) -> Self {
        let id = format!("{}/{model}", provider.name);
        let standing = control.standing(records, provider, model);
        let known = standing.model.as_deref();
        let leading = records.aliases.iter().filter(|alias| alias.targets.contains(&id));
        Self {
            provider: provider.name.clone(),
            model: model.to_owned(),
            keys,
            aliases: leading.map(|alias| alias.name.clone()).collect(),
            context_tokens: known.and_then(|model| model.context),
            max_output_tokens: known.and_then(|model| model.max_output),
            capabilities: known
                .map_or_else(Vec::new, |model| model.capabilities.iter().map(Capability::as_str).collect()),
            price: PriceView::of(&standing),
            id,
        }
    }
}
