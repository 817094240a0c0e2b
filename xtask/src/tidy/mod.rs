//! `cargo xtask tidy`: the house rules that a program can see. Each finding says where, what, and what to do.

mod arrows;
mod attributes;
mod exposure;
mod locks;
mod names;
mod pages;
mod size;
mod words;

use std::fmt;

use anyhow::bail;

use crate::tree::{self, TextFile};

pub struct Finding {
    path: String,
    /// 0 when it is about the whole file.
    line: usize,
    what: String,
    remedy: &'static str,
}

pub fn run() -> anyhow::Result<()> {
    let files = tree::text_files()?;
    let mut findings: Vec<Finding> = PER_FILE.iter().flat_map(|rule| files.iter().flat_map(rule)).collect();
    findings.extend(pages::check(&files)?);
    findings.extend(arrows::check()?);
    for finding in &findings {
        eprintln!("{finding}");
    }
    if !findings.is_empty() {
        bail!("{} findings", findings.len());
    }
    eprintln!("{} files are tidy", files.len());
    Ok(())
}

const PER_FILE: [fn(&TextFile) -> Vec<Finding>; 6] =
    [size::check, names::check, attributes::check, words::check, exposure::check, locks::check];

impl Finding {
    fn at(file: &TextFile, line: usize, what: impl Into<String>, remedy: &'static str) -> Self {
        Self { path: file.path.clone(), line, what: what.into(), remedy }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}; {}", self.path, self.what, self.remedy),
            line => write!(f, "{}:{line}: {}; {}", self.path, self.what, self.remedy),
        }
    }
}

#[cfg(test)]
mod tests;
