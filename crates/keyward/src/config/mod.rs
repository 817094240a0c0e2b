//! Configuration in two steps: raw text and environment become a tree that knows where everything was written, the tree
//! becomes [`Config`]. A config with one mistake is refused as a whole, with all mistakes named.

mod aliases;
mod allowances;
mod checked;
mod counters;
mod environment;
mod fields;
mod flat;
mod node;
mod overlay;
mod problem;
mod providers;
mod read;
mod rules;
mod section;
mod terms;
mod yaml;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

pub use checked::{
    Config, DEFAULT_KEY_FILE, FileAlias, FileBudget, FileKey, FileLimit, FileProvider, FileTarget, LogFormat, LogLevel,
    VaultRoot,
};
pub use counters::{Counters, CountersUrl};
pub use environment::{Environment, variable_for};
pub use fields::{EXAMPLE, FIELDS};
pub use problem::{ConfigError, Problem};
pub use section::did_you_mean;

use keyward_domain::judgement::RuleOverride;
use problem::Report;

/// The name of the config file in the home.
pub const FILE_NAME: &str = "keyward.yaml";

/// Reads, overrides and checks. A file that is not there is an empty one, unless the operator named it.
pub fn load(file: &Path, named: bool, environment: &Environment) -> Result<Config, ConfigError> {
    load_with_text(file, named, environment).map(|(config, _)| config)
}

/// The same with the text that was checked.
pub fn load_with_text(file: &Path, named: bool, environment: &Environment) -> Result<(Config, String), ConfigError> {
    let written = read_file(file, named).map_err(|unread| unread.problem)?;
    Ok((check(&written.text, &written.name, environment)?, written.text))
}

/// A config file as it was written.
#[derive(Debug)]
pub struct Written {
    /// What to call it in messages.
    pub name: String,
    /// Its text; empty when there is none and nobody named it.
    pub text: String,
}

/// A config file that could not be read; its content was never looked at.
#[derive(Debug)]
pub struct Unread {
    /// Whether there is none: a wrong name, rather than a failure.
    pub missing: bool,
    /// What to say.
    pub problem: Problem,
}

/// Reads a config file without checking it.
pub fn read_file(file: &Path, named: bool) -> Result<Written, Unread> {
    let name = if named { file.display().to_string() } else { FILE_NAME.to_owned() };
    let unread =
        |missing, what: String| Unread { missing, problem: Problem { place: None, field: name.clone(), what } };
    let opened = match std::fs::File::open(file) {
        Ok(opened) => opened,
        Err(error) => {
            let missing = error.kind() == std::io::ErrorKind::NotFound;
            if missing && !named {
                return Ok(Written { name, text: String::new() });
            }
            return Err(unread(missing, format!("cannot be opened: {error}")));
        }
    };
    let mut text = String::new();
    let read = opened.take(yaml::MAX_CONFIG_BYTES + 1).read_to_string(&mut text);
    let read = read.map_err(|error| unread(false, format!("cannot be read: {error}")))?;
    if u64::try_from(read).is_ok_and(|read| read > yaml::MAX_CONFIG_BYTES) {
        return Err(unread(false, format!("is larger than {} KiB", yaml::MAX_CONFIG_BYTES / 1024)));
    }
    Ok(Written { name, text })
}

/// The rules of a file of their own: a list like the one that a provider has in the config file.
pub fn load_rules(file: &Path) -> Result<Vec<RuleOverride>, ConfigError> {
    let written = read_file(file, true).map_err(|unread| unread.problem)?;
    let node = yaml::parse(&written.text, &written.name.into())?;
    let report = Report::default();
    let rules = rules::read(&section::Field::root(&node, &report));
    report.verdict(rules)
}

/// Every value of a config text under its path, to compare two of them. A text that cannot be read has none.
pub fn fields_of(text: &str) -> BTreeMap<String, String> {
    yaml::parse(text, &FILE_NAME.into()).map(|node| flat::flatten(&node)).unwrap_or_default()
}

/// Checks this text as if it were the file of that name.
pub fn check(text: &str, shown: &str, environment: &Environment) -> Result<Config, ConfigError> {
    let mut root = yaml::parse(text, &shown.into())?;
    let report = Report::default();
    overlay::apply(&mut root, environment, &report);
    let config = read::config(&root, &report);
    report.verdict(config)
}
