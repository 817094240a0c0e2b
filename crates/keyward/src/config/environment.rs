//! The environment, read once. Everything else takes it as an argument.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// Variables with the prefix `KEYWARD_` that are no config fields.
const RESERVED: [&str; 7] = [
    "KEYWARD_HOME",
    "KEYWARD_CONFIG",
    "KEYWARD_URL",
    "KEYWARD_TOKEN",
    "KEYWARD_TOKEN_FILE",
    "KEYWARD_VAULT_PASSPHRASE_FILE",
    "KEYWARD_VKEY",
];

/// What every config override begins with.
const PREFIX: &str = "KEYWARD_";

/// The process environment at the moment it was read. Cannot be printed: it holds keys.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// Reads the environment of this process. Variables that are not UTF-8 are left out: none of ours can be.
    pub fn read() -> Self {
        let utf8 = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self(std::env::vars_os().filter_map(utf8).collect())
    }

    /// The value of a variable; an empty one counts as not set.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// All of it, for what looks variables up by itself.
    pub const fn variables(&self) -> &BTreeMap<String, String> {
        &self.0
    }

    /// The value of a variable as a path.
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        self.get(name).map(PathBuf::from)
    }

    /// Only the variables that begin like this.
    #[must_use]
    pub fn only(&self, beginnings: &[&str]) -> Self {
        let kept = self.0.iter().filter(|(name, _)| beginnings.iter().any(|beginning| name.starts_with(beginning)));
        Self(kept.map(|(name, value)| (name.clone(), value.clone())).collect())
    }

    /// Every variable, for discovery.
    pub const fn all(&self) -> &BTreeMap<String, String> {
        &self.0
    }

    /// The variables that override config fields, in order of their names.
    pub fn overrides(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .filter(|(name, _)| {
                name.starts_with(PREFIX) && !RESERVED.contains(&name.as_str()) && !is_service_link(name)
            })
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// The field path that a variable names: `KEYWARD_LISTEN__DATA` is `["listen", "data"]`.
pub fn field_path(variable: &str) -> Vec<String> {
    let path = variable.strip_prefix(PREFIX).unwrap_or(variable);
    path.split("__").map(str::to_ascii_lowercase).collect()
}

/// The variable that overrides a field: `listen.data` is `KEYWARD_LISTEN__DATA`.
pub fn variable_for(path: &str) -> String {
    format!("{PREFIX}{}", path.replace('.', "__").to_ascii_uppercase())
}

/// Kubernetes puts these into every pod that runs next to a service called `keyward`; they are not meant for us.
fn is_service_link(name: &str) -> bool {
    name == "KEYWARD_PORT" || name.starts_with("KEYWARD_PORT_") || name.starts_with("KEYWARD_SERVICE_")
}

#[cfg(test)]
impl Environment {
    /// An environment made of exactly these variables.
    pub fn of(variables: &[(&str, &str)]) -> Self {
        Self(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }
}
