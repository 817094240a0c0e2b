use std::collections::BTreeMap;

use keyward_domain::origin::BaseUrl;

use super::{FoundIn, MAX_FOUND, unwrapped, variable};
use crate::dot_env::DotEnv;

/// A variable that says where a provider's calls go. A key that lies beside it is a key for that place: unless the place
/// is the provider itself, sending the key to the provider would hand it to a stranger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base {
    /// The variable.
    pub variable: String,
    /// Where that variable is.
    pub place: FoundIn,
    /// What it says; `None` when it says something that is no base URL.
    pub base_url: Option<BaseUrl>,
}

/// Every such variable with its provider. The environment comes before the files; empty ones say nothing.
pub(super) fn bases(environment: &BTreeMap<String, String>, files: &[DotEnv]) -> Vec<(&'static str, Base)> {
    let of_environment = environment.iter().map(|(name, value)| (name, value.as_bytes(), FoundIn::Environment));
    let of_files = files.iter().flat_map(|file| {
        let place = FoundIn::DotEnv(file.path.clone());
        file.variables.iter().map(move |(name, value)| (name, value.expose(), place.clone()))
    });
    let named = of_environment.chain(of_files).filter_map(|(variable, value, place)| {
        let family = variable::of_base(variable)?;
        let value = Some(unwrapped(value)).filter(|value| !value.is_empty())?;
        let base_url = str::from_utf8(value).ok().and_then(|text| text.parse().ok());
        Some((family.provider, Base { variable: variable.clone(), place, base_url }))
    });
    named.take(MAX_FOUND).collect()
}
