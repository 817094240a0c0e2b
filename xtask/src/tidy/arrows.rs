//! Doors between the rooms open one way (ARCHITECTURE.md has the picture).

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Context as _;
use serde::Deserialize;

use super::Finding;
use crate::cargo::cargo;
use crate::{command, tree};

/// Room -> rooms it may use. A room that is not here may use none.
const MAY_USE: [(&str, &[&str]); 14] = [
    ("keyward-domain", &[]),
    ("keyward-vault", &["keyward-domain"]),
    ("keyward-dialect", &["keyward-domain"]),
    ("keyward-provider", &["keyward-dialect", "keyward-domain"]),
    ("keyward-pool", &["keyward-domain"]),
    ("keyward-limit", &["keyward-domain"]),
    ("keyward-tokenizer", &["keyward-domain"]),
    ("keyward-source", &["keyward-vault", "keyward-domain"]),
    ("keyward-store", &["keyward-domain"]),
    (
        "keyward-gateway",
        &["keyward-pool", "keyward-limit", "keyward-provider", "keyward-dialect", "keyward-vault", "keyward-domain"],
    ),
    ("keyward-admin", &["keyward-pool", "keyward-limit", "keyward-provider", "keyward-vault", "keyward-domain"]),
    (
        "keyward",
        &[
            "keyward-gateway",
            "keyward-admin",
            "keyward-store",
            "keyward-source",
            "keyward-pool",
            "keyward-limit",
            "keyward-tokenizer",
            "keyward-provider",
            "keyward-dialect",
            "keyward-vault",
            "keyward-domain",
        ],
    ),
    ("keyward-testkit", &["keyward-domain"]),
    ("xtask", &["keyward-pool", "keyward-domain"]),
];

/// Tests may also use these: the scripted world, a real store and a real tokenizer behind domain's ports, and counters in
/// process, which pass the same suite as those at a server.
const TESTS_MAY_USE: [&str; 4] = ["keyward-testkit", "keyward-store", "keyward-limit", "keyward-tokenizer"];
/// Opaque errors are for programs, not for rooms that others call.
const MAY_USE_ANYHOW: [&str; 2] = ["keyward", "xtask"];

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    manifest_path: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    /// Absent for what the product itself needs.
    kind: Option<String>,
    /// Present for rooms of this workspace.
    path: Option<String>,
}

pub fn check() -> anyhow::Result<Vec<Finding>> {
    let json = command::output(cargo().args(["metadata", "--format-version", "1", "--no-deps", "--offline"]))?;
    let metadata: Metadata = serde_json::from_str(&json).context("read `cargo metadata`")?;
    let mut findings = Vec::new();
    for package in &metadata.packages {
        let wrong: BTreeSet<_> =
            package.dependencies.iter().filter_map(|dependency| verdict(&package.name, dependency)).collect();
        findings.extend(wrong.into_iter().map(|(name, what, remedy)| package.finding(name, what, remedy)));
    }
    Ok(findings)
}

/// Dependency, what is wrong with it, what to do.
type Verdict<'a> = (&'a str, &'static str, &'static str);

fn verdict<'a>(room: &str, dependency: &'a Dependency) -> Option<Verdict<'a>> {
    let name = dependency.name.as_str();
    if name == "anyhow" && !MAY_USE_ANYHOW.contains(&room) {
        return Some((name, "anyhow in a room that others call", "give the boundary a small error enum"));
    }
    let for_tests = dependency.kind.as_deref() == Some("dev") && TESTS_MAY_USE.contains(&name);
    let allowed = MAY_USE.iter().any(|(from, to)| *from == room && to.contains(&name));
    if dependency.path.is_some() && !allowed && !for_tests {
        return Some((
            name,
            "an arrow that the house does not have",
            "turn it round: a port in domain, wired in keyward",
        ));
    }
    None
}

impl Package {
    fn finding(&self, dependency: &str, what: &str, remedy: &'static str) -> Finding {
        let manifest = Path::new(&self.manifest_path);
        let text = std::fs::read_to_string(manifest).unwrap_or_default();
        let line = text.lines().position(|line| line.starts_with(dependency)).map_or(0, |index| index + 1);
        let path = manifest.strip_prefix(tree::root()).unwrap_or(manifest).to_string_lossy().into_owned();
        Finding { path, line, what: format!("`{} -> {dependency}`: {what}", self.name), remedy }
    }
}

#[cfg(test)]
mod tests {
    use super::{Dependency, verdict};

    fn finds(room: &str, name: &str, kind: Option<&str>, path: Option<&str>) -> bool {
        let dependency = Dependency { name: name.into(), kind: kind.map(Into::into), path: path.map(Into::into) };
        verdict(room, &dependency).is_some()
    }

    #[test]
    fn arrows_point_inward() {
        assert!(!finds("keyward-gateway", "keyward-vault", None, Some("v")));
        assert!(finds("keyward-gateway", "keyward-store", None, Some("s")));
        assert!(finds("keyward-domain", "keyward-vault", None, Some("v")));
        assert!(finds("keyward-store", "keyward-vault", Some("dev"), Some("v")));
        assert!(!finds("keyward-gateway", "keyward-testkit", Some("dev"), Some("t")));
        assert!(finds("keyward-gateway", "keyward-testkit", None, Some("t")));
        assert!(finds("a-new-room", "keyward-domain", None, Some("d")));
    }

    #[test]
    fn anyhow_stays_in_programs() {
        assert!(finds("keyward-store", "anyhow", None, None));
        assert!(!finds("keyward", "anyhow", None, None));
    }
}
