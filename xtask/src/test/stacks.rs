//! One TLS stack, one crypto library, one HTTP stack in the binary. Asked of cargo itself, so that it holds without any
//! other tool; `Cargo.lock` would not do, for it also lists what no enabled feature builds.

use anyhow::bail;

use crate::cargo::cargo;
use crate::command;

const BANNED: [(&str, &str); 5] = [
    ("openssl", "TLS comes from rustls on aws-lc-rs"),
    ("openssl-sys", "TLS comes from rustls on aws-lc-rs"),
    ("native-tls", "TLS comes from rustls on aws-lc-rs"),
    ("hyper-tls", "TLS comes from rustls on aws-lc-rs"),
    ("ring", "cryptography comes from aws-lc-rs"),
];

/// Two versions of these would be two stacks in one binary.
const ONCE: [&str; 9] =
    ["rustls", "rustls-webpki", "tokio-rustls", "aws-lc-rs", "hyper", "http", "h2", "tokio", "rusqlite"];

pub fn check() -> anyhow::Result<()> {
    let built = ["tree", "--workspace", "--edges", "normal,build", "--prefix", "none", "--format", "{p}"];
    let tree = command::output(cargo().args(built))?;
    let complaints = complaints(&tree);
    if !complaints.is_empty() {
        bail!("{} (`cargo tree --invert NAME` shows who brings it)", complaints.join("; "));
    }
    Ok(())
}

fn complaints(tree: &str) -> Vec<String> {
    let mut crates: Vec<(&str, &str)> = tree.lines().filter_map(name_and_version).collect();
    crates.sort_unstable();
    crates.dedup();
    let banned = BANNED
        .iter()
        .filter(|(name, _)| crates.iter().any(|(found, _)| found == name))
        .map(|(name, why)| format!("{name} is banned: {why}"));
    let doubled = ONCE.iter().filter_map(|name| {
        let versions: Vec<_> = crates.iter().filter(|(found, _)| found == name).map(|(_, version)| *version).collect();
        (versions.len() > 1).then(|| format!("{name} is there {} times: {}", versions.len(), versions.join(", ")))
    });
    banned.chain(doubled).collect()
}

/// `hyper v1.12.0 (*)`
fn name_and_version(line: &str) -> Option<(&str, &str)> {
    let mut words = line.split(' ');
    Some((words.next()?, words.next()?))
}

#[cfg(test)]
mod tests {
    use super::complaints;

    #[test]
    fn a_banned_crate_and_a_second_version_are_found() {
        let found = complaints(
            "keyward v0.1.0 (/k)\nring v0.17.0\nhyper v0.14.1\nhyper v1.12.0\nhyper v1.12.0 (*)\nhttp-body v1.0.0\nhttp v1.0.0\n",
        );
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with("ring is banned"));
        assert_eq!(found[1], "hyper is there 2 times: v0.14.1, v1.12.0");
    }
}
