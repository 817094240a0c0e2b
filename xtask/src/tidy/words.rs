//! Words that must not be in the project: unfinished work, and whatever belongs to one machine.

use super::Finding;
use crate::tree::{self, TextFile};

// All written in two parts so that this file does not find itself.
const UNFINISHED: [&str; 4] =
    [concat!("todo", "!("), concat!("unimplemented", "!("), concat!("TO", "DO"), concat!("FIX", "ME")];
const ONE_MACHINE: [&str; 4] =
    [concat!("/wo", "rk/"), concat!("/tmp", "/kw"), concat!("/ro", "ot/"), concat!("/.lib", "rary/")];
const REGISTRY_HOSTS: [&str; 5] = [
    concat!("registry.", "npmjs.org"),
    concat!("pypi", ".org"),
    concat!("files.python", "hosted.org"),
    concat!("static.", "crates.io"),
    concat!("index.", "crates.io"),
];

pub fn check(file: &TextFile) -> Vec<Finding> {
    let checkout = tree::root().to_string_lossy();
    let machine = ONE_MACHINE.iter().copied().chain([checkout.as_ref()]);
    let mut findings = find(file, machine, "a path of one machine", "write it relative, or take it out");
    if file.is_rust() {
        findings.extend(find(file, UNFINISHED, "unfinished work", "finish it, or take it out"));
    }
    if !is_lock(&file.path) {
        findings.extend(find(
            file,
            REGISTRY_HOSTS,
            "a registry's host",
            "leave the choice of registry to the user's tools",
        ));
    }
    findings
}

fn find<'a>(
    file: &TextFile,
    words: impl IntoIterator<Item = &'a str>,
    kind: &str,
    remedy: &'static str,
) -> Vec<Finding> {
    let words: Vec<_> = words.into_iter().filter(|word| file.text.contains(word)).collect();
    file.lines()
        .flat_map(|(line, text)| words.iter().filter(move |word| text.contains(**word)).map(move |word| (line, word)))
        .map(|(line, word)| Finding::at(file, line, format!("{kind}: `{word}`"), remedy))
        .collect()
}

fn is_lock(path: &str) -> bool {
    path.ends_with("package-lock.json") || path.ends_with("Cargo.lock")
}
