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

/// What tests use where they find it: older releases of Debian do not have it.
pub const WELCOME_TO_TESTS: [Need; 1] = [Need { probe: &["valkey-server", "--version"], packages: &["valkey-server"] }];

/// For the measurements. (`wrk --version` exits with 1, so the probe asks the shell.)
pub const FOR_BENCH: [Need; 3] = [
    Need { probe: &["sh", "-c", "PATH=$PATH:/usr/sbin command -v nginx"], packages: &["nginx-light"] },
    Need { probe: &["sh", "-c", "command -v wrk"], packages: &["wrk"] },
    Need { probe: &["taskset", "--version"], packages: &["util-linux"] },
];

const INSTALL: [&str; 3] = ["install", "--yes", "--no-install-recommends"];

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
    command::run(apt_get()?.args(INSTALL).args(missing))
}

/// Installs what is missing of `needs` where the machine's package lists have it; says what is done without.
pub fn prepare_what_there_is(needs: &[Need]) {
    let missing = needs.iter().filter(|need| !succeeds(Command::new(need.probe[0]).args(&need.probe[1..])));
    for package in missing.flat_map(|need| need.packages) {
        let known = command::output(Command::new("apt-cache").args(["policy", package])).unwrap_or_default();
        if !has_candidate(&known) {
            eprintln!("{package}: not among this machine's packages; what is tested with it is skipped");
        } else if let Err(error) = apt_get().and_then(|mut apt| command::run(apt.args(INSTALL).arg(package))) {
            eprintln!("{package}: {error:#}; what is tested with it is skipped");
        }
    }
}

/// Whether `apt-cache policy` knows a version that could be installed. It prints nothing of packages it never heard of.
fn has_candidate(policy: &str) -> bool {
    policy.lines().filter_map(|line| line.trim().strip_prefix("Candidate: ")).any(|version| version != "(none)")
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

#[cfg(test)]
mod tests {
    use super::has_candidate;

    #[test]
    fn a_package_can_be_had_when_a_version_of_it_is_offered() {
        let offered = "valkey-server:\n  Installed: (none)\n  Candidate: 8.1.1+dfsg1-3\n  Version table:\n";
        assert!(has_candidate(offered));
        for none in ["", "valkey-server:\n  Installed: (none)\n  Candidate: (none)\n  Version table:\n"] {
            assert!(!has_candidate(none));
        }
    }
}
