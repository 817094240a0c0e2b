//! The official SDKs against the scripted provider, with nothing in between: if a script fails here, the script or the
//! provider is wrong; if it passes here and fails against Keyward, Keyward is.

use std::path::{Path, PathBuf};
use std::process::Command;

use keyward_testkit::provider::{KeyBehaviour, ScriptedProvider, Vendor, VendorError, mint_secret};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The interpreter that `cargo xtask test` prepares; `None` where it has not run yet.
fn python() -> Option<PathBuf> {
    let told = std::env::var_os("KEYWARD_TEST_PYTHON").map(PathBuf::from);
    told.or_else(|| Some(root().join("target/test-env/python/bin/python")).filter(|path| path.exists()))
}

/// The folder of the Node scripts once their packages are installed.
fn node_folder() -> Option<PathBuf> {
    let told = std::env::var_os("KEYWARD_TEST_NODE_DIR").map(PathBuf::from);
    told.or_else(|| Some(root().join("tests/sdk/node"))).filter(|path| path.join("node_modules").exists())
}

fn run(vendor: Vendor, mut command: Command) {
    let provider = ScriptedProvider::start_blocking();
    let key = provider.add_key(vendor, "main");
    let restricted = provider.add_key(vendor, "restricted");
    provider.restrict_models("restricted", &["gpt-4o-mini", "claude-haiku-4-5", "gemini-2.5-flash"]);
    let limited = mint_secret(vendor, "limited");
    provider.add_key_with(vendor, "limited", &limited, KeyBehaviour::Refuses(VendorError::RateLimited(Some(1))));
    command
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("KEYWARD_URL", provider.url())
        .env("KEYWARD_KEY", key)
        .env("KEYWARD_RESTRICTED_KEY", restricted)
        .env("KEYWARD_LIMITED_KEY", limited);
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.lines().filter(|line| line.starts_with("ok ")).count() >= 15, "{text}");
    assert!(provider.bill().iter().all(|line| line.vendor == vendor));
}

fn with_python(vendor: Vendor, script: &str) {
    let Some(python) = python() else {
        eprintln!("not run: `cargo xtask test` prepares the interpreter");
        return;
    };
    let mut command = Command::new(python);
    command.arg(root().join("tests/sdk/python").join(script));
    run(vendor, command);
}

fn with_node(vendor: Vendor, script: &str) {
    let Some(folder) = node_folder() else {
        eprintln!("not run: `cargo xtask test` installs the packages");
        return;
    };
    let mut command = Command::new("node");
    command.arg(script).current_dir(folder);
    run(vendor, command);
}

#[test]
fn openai_in_python() {
    with_python(Vendor::OpenAi, "openai_sdk.py");
}

#[test]
fn anthropic_in_python() {
    with_python(Vendor::Anthropic, "anthropic_sdk.py");
}

#[test]
fn google_genai_in_python() {
    with_python(Vendor::Gemini, "google_genai_sdk.py");
}

#[test]
fn openai_in_node() {
    with_node(Vendor::OpenAi, "openai_sdk.mjs");
}

#[test]
fn anthropic_in_node() {
    with_node(Vendor::Anthropic, "anthropic_sdk.mjs");
}
