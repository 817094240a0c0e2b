//! Every rule finds what it is for, and leaves good files alone.

use super::{Finding, PER_FILE};
use crate::tree::TextFile;

fn findings(path: &str, text: &str) -> Vec<Finding> {
    let file = TextFile { path: path.into(), text: text.into() };
    PER_FILE.iter().flat_map(|rule| rule(&file)).collect()
}

#[track_caller]
fn finds_one(path: &str, text: &str, what: &str) {
    let found = findings(path, text);
    assert_eq!(found.len(), 1, "{path}");
    assert!(found[0].to_string().contains(what), "{}", found[0]);
}

#[test]
fn a_good_file_has_no_findings() {
    assert!(findings("crates/gateway/src/pipeline.rs", "#[expect(dead_code, reason = \"x\")]\nfn a() {}\n").is_empty());
}

#[test]
fn long_files_are_found_but_not_tests_and_tables() {
    let long = "\n".repeat(501);
    finds_one("crates/gateway/src/pipeline.rs", &long, "501 lines");
    for path in [
        "crates/gateway/tests/it.rs",
        "crates/gateway/src/usage/tests.rs",
        "crates/domain/src/zone/table.rs",
        "catalog/a.json",
    ] {
        assert!(findings(path, &long).is_empty(), "{path}");
    }
}

#[test]
fn junk_drawers_are_found() {
    finds_one("crates/gateway/src/utils.rs", "", "`utils`");
    finds_one("crates/gateway/src/helpers/mod.rs", "", "`helpers`");
}

#[test]
fn allowed_lints_are_found() {
    finds_one("crates/gateway/src/a.rs", "fn a() {\n    #[allow(dead_code)]\n", "a.rs:2: a lint is allowed");
}

#[test]
fn unfinished_work_and_machine_paths_are_found() {
    finds_one("crates/gateway/src/a.rs", concat!("fn a() { todo", "!() }"), "unfinished");
    finds_one("docs/a.md", concat!("see /ro", "ot/notes"), "one machine");
    finds_one("docs/a.md", concat!("from pypi", ".org"), "registry");
}

#[test]
fn opened_secrets_are_found_outside_the_list() {
    let text = concat!("let bytes = secret.expose", "();");
    finds_one("crates/store/src/a.rs", text, "secret is opened");
    assert!(findings("crates/domain/src/secret.rs", text).is_empty());
    assert!(findings("crates/store/tests/it.rs", text).is_empty());
}

#[test]
fn private_registries_in_lock_files_are_found() {
    finds_one("Cargo.lock", "source = \"registry+https://mirror.example/index\"\n", "mirror.example");
    finds_one(
        "tests/sdk/node/package-lock.json",
        "  \"resolved\": \"https://mirror.example/a.tgz\",\n",
        "mirror.example",
    );
    assert!(findings("Cargo.lock", "source = \"registry+https://github.com/rust-lang/crates.io-index\"\n").is_empty());
}
