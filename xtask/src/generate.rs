//! `cargo xtask generate`: documents that the binary writes about itself. What is generated cannot drift: `test` compares.

use std::fs;

use anyhow::{Context as _, bail};

use crate::cargo::cargo;
use crate::{command, tree};

#[derive(clap::Args)]
pub struct Args {
    /// Change nothing; fail when a document is not what the binary would write.
    #[arg(long)]
    check: bool,
}

struct Document {
    path: &'static str,
    /// Arguments of `keyward` that print it.
    command: &'static [&'static str],
}

const DOCUMENTS: [Document; 4] = [
    Document { path: "docs/reference/openapi.json", command: &["openapi"] },
    Document { path: "docs/reference/cli.md", command: &["reference", "cli"] },
    Document { path: "docs/reference/errors.md", command: &["reference", "errors"] },
    Document { path: "docs/reference/config.md", command: &["reference", "config"] },
];

pub fn run(args: &Args) -> anyhow::Result<()> {
    if args.check { check() } else { write() }
}

/// Fails when a document is stale.
pub fn check() -> anyhow::Result<()> {
    let mut stale = Vec::new();
    for document in &DOCUMENTS {
        let stored = fs::read_to_string(tree::root().join(document.path)).unwrap_or_default();
        if stored != document.text()? {
            stale.push(document.path);
        }
    }
    if !stale.is_empty() {
        bail!("not what the binary says about itself: {}; run `cargo xtask generate`", stale.join(", "));
    }
    Ok(())
}

fn write() -> anyhow::Result<()> {
    for document in &DOCUMENTS {
        let path = tree::root().join(document.path);
        fs::write(&path, document.text()?).with_context(|| format!("write {}", path.display()))?;
        println!("wrote {}", document.path);
    }
    Ok(())
}

impl Document {
    fn text(&self) -> anyhow::Result<String> {
        let mut text =
            command::output(cargo().args(["run", "--quiet", "--package", "keyward", "--"]).args(self.command))?;
        if !text.ends_with('\n') {
            text.push('\n');
        }
        Ok(text)
    }
}
