//! Lints are silenced only where silence is expected, with a reason.

use super::Finding;
use crate::tree::TextFile;

const SILENCERS: [&str; 2] = ["#[allow(", "#![allow("];

pub fn check(file: &TextFile) -> Vec<Finding> {
    if !file.is_rust() {
        return Vec::new();
    }
    file.lines()
        .filter(|(_, text)| SILENCERS.iter().any(|silencer| text.trim_start().starts_with(silencer)))
        .map(|(line, _)| {
            Finding::at(file, line, "a lint is allowed", "mend it, or write #[expect(.., reason = \"..\")]")
        })
        .collect()
}
