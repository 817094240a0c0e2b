//! The price catalog: what was shipped, and what the operator lays over it in `catalog.d/*.json`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use keyward_domain::catalog::Catalog;

/// The largest overlay, in bytes.
const MAX_OVERLAY: u64 = 16 * 1024 * 1024;

/// The shipped catalog with every overlay of this folder laid over it, in the order of their names.
pub fn load(folder: &Path) -> anyhow::Result<Catalog> {
    let mut catalog = Catalog::shipped().context("the catalog in this program is damaged")?;
    for path in overlays(folder)? {
        let about = || format!("the catalog overlay {}", path.display());
        if fs::metadata(&path).with_context(about)?.len() > MAX_OVERLAY {
            bail!("{} is larger than {} MiB", about(), MAX_OVERLAY >> 20);
        }
        let json = fs::read(&path).with_context(about)?;
        catalog.overlay_json(&json).with_context(about)?;
    }
    Ok(catalog)
}

fn overlays(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(|| format!("cannot look into {}", folder.display())),
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}
