//! The call that the wizard ends with: to a model that a key in use really offers.

use keyward_admin::client::Door;
use keyward_domain::catalog::{Catalog, Kind};
use keyward_domain::provider::ProviderKind;
use serde_json::Value;

use crate::cli::failure::Failure;
use crate::cli::session::Session;

/// Per part of the catalog a small model that most accounts have; these go before whatever comes first in a list.
const PREFERRED: [(&str, &str); 4] = [
    ("openai", "gpt-4o-mini"),
    ("anthropic", "claude-haiku-4-5"),
    ("gemini", "gemini-2.5-flash"),
    ("sandbox", "sandbox-small"),
];

/// A model to call.
pub struct FirstCall {
    /// `provider/model`.
    pub model: String,
    /// Whose API the provider speaks.
    pub kind: ProviderKind,
}

/// The first usable chat model of a key in use: a preferred one, else one that the catalog knows as a chat model. `keys`
/// are all provider keys, as the control plane shows them.
pub fn find(session: &Session, door: &Door, catalog: &Catalog, keys: &[Value]) -> Result<Option<FirstCall>, Failure> {
    let models = session.list_through(door, &["models"], &[])?;
    let providers = session.list_through(door, &["providers"], &[])?;
    let offered = models.as_array().into_iter().flatten().filter_map(|model| {
        let provider = named(&providers, &model["provider"])?;
        Some(Offered { provider, model: model["model"].as_str()? })
    });
    let offered: Vec<Offered<'_>> = offered.collect();
    let first = offered
        .iter()
        .find(|offered| offered.is_preferred())
        .or_else(|| offered.iter().find(|offered| offered.is_chat(catalog)))
        .copied()
        .or_else(|| unlisted(keys, &providers));
    Ok(first.and_then(Offered::call))
}

/// A model of a provider.
#[derive(Clone, Copy)]
struct Offered<'a> {
    provider: &'a Value,
    model: &'a str,
}

impl Offered<'_> {
    fn is_preferred(&self) -> bool {
        self.provider["catalog"].as_str().is_some_and(|part| PREFERRED.contains(&(part, self.model)))
    }

    fn is_chat(&self, catalog: &Catalog) -> bool {
        let known = self.provider["catalog"].as_str().and_then(|part| catalog.model(part, self.model));
        known.is_some_and(|known| known.kind == Kind::Chat)
    }

    fn call(self) -> Option<FirstCall> {
        let kind = ProviderKind::parse(self.provider["kind"].as_str()?)?;
        Some(FirstCall { model: format!("{}/{}", self.provider["name"].as_str()?, self.model), kind })
    }
}

/// Keys of the config file are in use before anybody asked the provider what they offer: what most accounts have will do.
fn unlisted<'a>(keys: &[Value], providers: &'a Value) -> Option<Offered<'a>> {
    let in_use = keys.iter().filter(|key| key["state"] == "active" && key["model_count"] == 0);
    in_use.filter_map(|key| named(providers, &key["provider"])).find_map(|provider| {
        let (_, model) = PREFERRED.into_iter().find(|(part, _)| provider["catalog"] == *part)?;
        Some(Offered { provider, model })
    })
}

fn named<'a>(providers: &'a Value, name: &Value) -> Option<&'a Value> {
    providers.as_array().into_iter().flatten().find(|provider| provider["name"] == *name)
}
