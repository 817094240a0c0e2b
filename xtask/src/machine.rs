//! What must be on the machine, and getting it there on Debian.

use std::process::Command;

use anyhow::{Context as _, bail};

use crate::cargo;
use crate::command::{self, succeeds};

/// Something a task needs: how to see that it is there, and the Debian packages that bring it.
pub struct Need {
    probe: &'static [&'static str],
    packages: &'static [&'static str],
}

/// For the SDK tests, and a server to count limits at.
pub const FOR_TESTS: [Need; 6] = [
    Need { probe: &["python3", "--version"], packages: &["python3"] },
    Need { probe: &["python3", "-c", "import ensurepip, venv"], packages: &["python3-venv"] },
    Need { probe: &["node", "--version"], packages: &["nodejs"] },
    Need { probe: &["npm", "--version"], packages: &["npm"] },
    Need { probe: &["redis-server", "--version"], packages: &["redis-server"] },
    Need { probe: &["openssl", "version"], packages: &["openssl"] },
];

/// For the measurements. (`wrk --version` exits with 1, so the probe asks the shell.)
pub const FOR_BENCH: [Need; 3] = [
    Need { probe: &["sh", "-c", "PATH=$PATH:/usr/sbin command -v nginx"], packages: &["nginx-light"] },
    Need { probe: &["sh", "-c", "command -v wrk"], packages: &["wrk"] },
    Need { probe: &["taskset", "--version"], packages: &["util-linux"] },
];

/// Installs what is missing of `needs`; touches nothing when all is there.
pub fn prepare(needs: &[Need]) -> anyhow::Result<()> {
    let missing: Vec<&str> = needs
        .iter()
        .filter(|need| !succeeds(Command::new(need.probe[0]).args(&need.probe[1..])))
        .flat_map(|need| need.packages.iter().copied())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    if !succeeds(Command::new("apt-get").arg("--version")) {
        bail!("missing on this machine: {}; install them with its package manager", missing.join(", "));
    }
    eprintln!("installing {}", missing.join(", "));
    command::run(apt_get()?.arg("update"))?;
    command::run(apt_get()?.args(["install", "--yes", "--no-install-recommends"]).args(missing))
}

/// Adds rustfmt and clippy to a toolchain that came without them.
pub fn prepare_toolchain() -> anyhow::Result<()> {
    for (subcommand, component) in [("fmt", "rustfmt"), ("clippy", "clippy")] {
        if !cargo::has(subcommand) {
            command::run(Command::new("rustup").args(["component", "add", component]))
                .with_context(|| format!("`cargo {subcommand}` is missing"))?;
        }
    }
    Ok(())
}

fn apt_get() -> anyhow::Result<Command> {
    let is_root = command::output(Command::new("id").arg("-u"))?.trim() == "0";
    let mut apt = if is_root { Command::new("env") } else { Command::new("sudo") };
    if !is_root {
        apt.arg("env");
    }
    apt.args(["DEBIAN_FRONTEND=noninteractive", "apt-get", "--quiet"]);
    Ok(apt)
}
