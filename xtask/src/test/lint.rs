//! Format, lints, and the dependency rules where their tool is installed.

use crate::cargo::{cargo, has};
use crate::command::run;

pub fn format() -> anyhow::Result<()> {
    run(cargo().args(["fmt", "--all", "--check"]))?;
    run(cargo().args(["fmt", "--all", "--check", "--manifest-path", "bench/Cargo.toml"]))
}

/// Warnings are errors here and nowhere else, so that work in progress compiles.
pub fn clippy() -> anyhow::Result<()> {
    run(cargo().args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))
}

/// Licences, advisories, sources. Needs the network for the advisories, so it is the one check that may be missing.
pub fn deny() -> anyhow::Result<()> {
    if !has("deny") {
        eprintln!("cargo-deny is not installed: licences and advisories were not checked (`cargo install cargo-deny`)");
        return Ok(());
    }
    run(cargo().args(["deny", "--workspace", "check"]))
}
