//! Cargo commands in the workspace.

use std::process::Command;

use crate::{command, tree};

/// `cargo`, the same one that runs us, started at the root of the workspace.
pub fn cargo() -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut cargo = Command::new(program);
    cargo.current_dir(tree::root());
    cargo
}

/// Whether the subcommand `name` is installed.
pub fn has(name: &str) -> bool {
    command::succeeds(cargo().args([name, "--version"]))
}
