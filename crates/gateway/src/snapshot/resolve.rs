//! From the name that a client sent to the deployments that may serve it.

use std::sync::Arc;

use http::HeaderValue;
use keyward_domain::catalog::{Capability, Pricing};

use super::entries::{Ceiling, Deployment, ProviderEntry, Route, World};

/// Longer names are nobody's.
const MAX_MODEL_NAME: usize = 256;
/// Names that differ in more letters do not look alike.
const MAX_DISTANCE: usize = 3;
/// How many look-alikes a refusal names.
const MAX_SUGGESTIONS: usize = 3;

/// What a name stands for.
#[derive(Clone)]
pub enum Resolution {
    /// This route.
    Route(Arc<Route>),
    /// Several providers offer a model of this name; which one is meant has to be said.
    Ambiguous(Arc<[Arc<Deployment>]>),
}

/// Why a name leads nowhere.
pub(crate) enum Unresolved {
    /// Nobody offers it.
    Unknown,
    /// These do, and it has to be said which.
    Ambiguous(Arc<[Arc<Deployment>]>),
}

impl World {
    /// Where a name leads: an alias, `provider/model`, or a bare name that exactly one
    /// enabled provider offers. `provider/model` of a known provider is served even when no list contains the model.
    pub(crate) fn resolve(&self, name: &str) -> Result<Arc<Route>, Unresolved> {
        match self.models.get(name) {
            Some(Resolution::Route(route)) => Ok(Arc::clone(route)),
            Some(Resolution::Ambiguous(targets)) => Err(Unresolved::Ambiguous(Arc::clone(targets))),
            None => self.unlisted(name).ok_or(Unresolved::Unknown),
        }
    }

    /// Names much like this one, the nearest first, of which something is visible.
    pub(crate) fn similar(&self, name: &str, is_visible: impl Fn(&str, &Deployment) -> bool) -> Vec<String> {
        let mut near: Vec<(usize, &str)> = Vec::new();
        for (known, resolution) in &self.models {
            let Resolution::Route(route) = resolution else { continue };
            let far = distance(name, known);
            if far <= MAX_DISTANCE && route.targets.iter().any(|target| is_visible(known, target)) {
                near.push((far, known));
            }
        }
        near.sort_unstable();
        near.into_iter().take(MAX_SUGGESTIONS).map(|(_, known)| known.to_owned()).collect()
    }

    /// Whatever model of a provider, for whoever does not say which.
    pub(crate) fn any_of(&self, provider: &Arc<ProviderEntry>) -> Arc<Deployment> {
        let (pricing, price_version) = self.price(provider, &Pricing::Unknown);
        Arc::new(Deployment {
            provider: Arc::clone(provider),
            model: "".into(),
            model_header: HeaderValue::from_static(""),
            qualified: format!("{}/*", provider.name).into(),
            pricing,
            price_version,
            context: None,
            max_output: None,
            hides_reasoning: true,
        })
    }

    /// What something at a provider costs of which a list says this, and which price table says so.
    fn price(&self, provider: &ProviderEntry, listed: &Pricing) -> (Pricing, Arc<str>) {
        let pricing = listed.clone().at_provider(provider.free);
        let is_priced = !matches!(pricing, Pricing::Unknown);
        let version = if is_priced { Arc::clone(self.catalog.version()) } else { "".into() };
        Ceiling::over(self.ceiling.as_ref(), pricing, version)
    }

    fn unlisted(&self, name: &str) -> Option<Arc<Route>> {
        let (provider, model) = name.split_once('/')?;
        let provider = self.providers.get(provider)?;
        let plain =
            name.len() <= MAX_MODEL_NAME && model.bytes().all(|b| b.is_ascii_graphic() && !b"?#%\\\"".contains(&b));
        if model.is_empty() || !plain || model.contains("..") {
            return None;
        }
        let qualified: Arc<str> = name.into();
        let known = provider.catalog.as_deref().and_then(|part| self.catalog.model(part, model));
        let listed = known.map_or(&Pricing::Unknown, |known| &known.pricing);
        let (pricing, price_version) = self.price(provider, listed);
        let deployment = Deployment {
            provider: Arc::clone(provider),
            model: model.into(),
            model_header: HeaderValue::from_str(model).ok()?,
            qualified: Arc::clone(&qualified),
            pricing,
            price_version,
            context: known.and_then(|known| known.context),
            max_output: known.and_then(|known| known.max_output),
            hides_reasoning: known.is_none_or(|known| known.capabilities.has(Capability::Reasoning)),
        };
        Some(Arc::new(Route::plain(qualified, Arc::new(deployment))))
    }
}

/// Levenshtein distance, given up where the lengths alone differ too much.
fn distance(a: &str, b: &str) -> usize {
    if a.len().abs_diff(b.len()) > MAX_DISTANCE {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut corner = i;
        let mut left = i + 1;
        if let Some(first) = row.first_mut() {
            *first = left;
        }
        for (slot, y) in row.iter_mut().skip(1).zip(b.bytes()) {
            let here = if x == y { corner } else { 1 + corner.min(left).min(*slot) };
            corner = *slot;
            *slot = here;
            left = here;
        }
    }
    row.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::distance;

    #[test]
    fn distances() {
        assert_eq!(distance("gpt-4o", "gpt-4o"), 0);
        assert_eq!(distance("gpt-4o", "gpt-40"), 1);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("a", "abcdef"), usize::MAX);
    }
}
