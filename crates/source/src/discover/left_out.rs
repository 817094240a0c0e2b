use std::collections::BTreeMap;

use super::variable::{self, Family, Variable};
use super::{FoundIn, MAX_FOUND, MIN_KEY_BYTES, is_placeholder, unwrapped};
use crate::dot_env::DotEnv;

/// A variable that is meant for a provider key, with a value that cannot be one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// The provider it is for, by the name that providers have everywhere else.
    pub provider_name: &'static str,
    /// The variable.
    pub variable: String,
    /// Where that variable is.
    pub place: FoundIn,
    /// Why it cannot be used. Repeats nothing of the value.
    pub reason: &'static str,
}

/// Every variable that [`super::discover`] passes over although its name is that of a provider key: somebody set it and
/// will wonder. An empty one says nothing and is not reported. The environment comes before the files.
pub fn left_out(environment: &BTreeMap<String, String>, files: &[DotEnv]) -> Vec<LeftOut> {
    let of_environment = environment.iter().map(|(name, value)| (name, value.as_bytes(), FoundIn::Environment));
    let of_files = files.iter().flat_map(|file| {
        let place = FoundIn::DotEnv(file.path.clone());
        file.variables.iter().map(move |(name, value)| (name, value.expose(), place.clone()))
    });
    let judged = of_environment.chain(of_files).filter_map(|(variable, value, place)| {
        let (family, reason) = judge(variable, value)?;
        Some(LeftOut { provider_name: family.provider, variable: variable.clone(), place, reason })
    });
    judged.take(MAX_FOUND).collect()
}

fn judge(variable: &str, value: &[u8]) -> Option<(&'static Family, &'static str)> {
    if let Some(family) = variable::companion(variable) {
        let reason = family.obstacle.filter(|_| !unwrapped(value).is_empty())?;
        return Some((family, reason));
    }
    let Variable { family, is_list, .. } = variable::read(variable)?;
    let values: Vec<&[u8]> = if is_list { value.split(|byte| *byte == b',').collect() } else { vec![value] };
    let mut values = values.into_iter().map(unwrapped).filter(|value| !value.is_empty());
    let unusable = values.find(|value| is_placeholder(value))?;
    let malformed = if unusable.len() < MIN_KEY_BYTES { TOO_SHORT } else { PLACEHOLDER };
    Some((family, family.obstacle.unwrap_or(malformed)))
}

const TOO_SHORT: &str = "it is malformed: too short for a key";
const PLACEHOLDER: &str = "it is malformed: a placeholder where the key belongs";
