//! A file can be read in one sitting.

use super::Finding;
use crate::tree::TextFile;

const MAX_LINES: usize = 500;

pub fn check(file: &TextFile) -> Vec<Finding> {
    let lines = file.text.lines().count();
    if !file.is_rust() || file.is_test() || is_table(&file.path) || lines <= MAX_LINES {
        return Vec::new();
    }
    vec![Finding::at(
        file,
        0,
        format!("{lines} lines, the limit is {MAX_LINES}"),
        "find the wall in it: a second operation, a type with its own life, a table",
    )]
}

/// Data that happens to be Rust.
fn is_table(path: &str) -> bool {
    path.ends_with("/table.rs") || path.contains("/table/")
}
