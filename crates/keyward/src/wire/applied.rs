//! The config file as the server took it over last, kept in the home so that commands can compare.

use std::fs;
use std::io::ErrorKind;

use anyhow::Context as _;

use crate::home::{Home, write_private};

const FILE: &str = "config.applied.yaml";

/// Remembers this text as the one in effect.
pub fn remember(home: &Home, text: &str) -> anyhow::Result<()> {
    let (path, draft) = (home.join(FILE), home.join("config.applied.draft"));
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error).context("cannot replace an old draft"),
        _ => {}
    }
    write_private(&draft, text.as_bytes())?;
    fs::rename(&draft, &path).with_context(|| format!("cannot write {}", path.display()))
}

/// The text in effect; `None` before the first start.
pub fn read(home: &Home) -> anyhow::Result<Option<String>> {
    let path = home.join(FILE);
    match fs::read_to_string(&path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}
