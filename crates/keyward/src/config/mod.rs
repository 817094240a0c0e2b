//! Configuration in two steps: raw text and environment become a tree that knows where everything was written, the tree
//! becomes [`Config`]. A config with one mistake is refused as a whole, with all mistakes named.

mod aliases;
mod checked;
mod environment;
mod fields;
mod flat;
mod node;
mod overlay;
mod problem;
mod providers;
mod read;
mod section;
mod yaml;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

pub use checked::{Config, DEFAULT_KEY_FILE, FileAlias, FileKey, FileProvider, LogFormat, LogLevel, VaultRoot};
pub use environment::{Environment, variable_for};
pub use fields::{EXAMPLE, FIELDS};
pub use problem::{ConfigError, Problem};

use problem::Report;

/// The name of the config file in the home.
pub const FILE_NAME: &str = "keyward.yaml";

/// Reads, overrides and checks. A file that is not there is an empty one, unless the operator named it.
pub fn load(file: &Path, named: bool, environment: &Environment) -> Result<Config, ConfigError> {
    load_with_text(file, named, environment).map(|(config, _)| config)
}

/// The same with the text that was checked.
pub fn load_with_text(file: &Path, named: bool, environment: &Environment) -> Result<(Config, String), ConfigError> {
    let shown = if named { file.display().to_string() } else { FILE_NAME.to_owned() };
    let text = read_file(file, named).map_err(|what| about_file(&shown, what))?;
    Ok((check(&text, &shown, environment)?, text))
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

fn read_file(file: &Path, named: bool) -> Result<String, String> {
    let opened = match std::fs::File::open(file) {
        Ok(opened) => opened,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !named => return Ok(String::new()),
        Err(error) => return Err(format!("cannot be opened: {error}")),
    };
    let mut text = String::new();
    let read = opened.take(yaml::MAX_CONFIG_BYTES + 1).read_to_string(&mut text);
    let read = read.map_err(|error| format!("cannot be read: {error}"))?;
    if u64::try_from(read).is_ok_and(|read| read > yaml::MAX_CONFIG_BYTES) {
        return Err(format!("is larger than {} KiB", yaml::MAX_CONFIG_BYTES / 1024));
    }
    Ok(text)
}

fn about_file(shown: &str, what: String) -> ConfigError {
    Problem { place: None, field: shown.to_owned(), what }.into()
}
