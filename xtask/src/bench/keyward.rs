//! Keyward itself, set up through its own commands, with everything on.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};
use serde::Deserialize;

use super::http;
use super::process::{Core, Running};
use super::subject::Subject;

pub const NAME: &str = "keyward";
const DATA: SocketAddr = http::loopback(9300);
const ADMIN: SocketAddr = http::loopback(9301);
/// What the mock accepts; any text does.
const PROVIDER_KEY: &str = "upstream-key-of-the-mock";

const HOME: &str = "keyward";

#[derive(Deserialize)]
struct Usage {
    total: Total,
}

#[derive(Deserialize)]
struct Total {
    attempts: u64,
}

#[derive(Deserialize)]
struct CreatedKey {
    token: String,
}

pub fn start(binary: &Path, scratch: &Path) -> anyhow::Result<Subject> {
    let home = scratch.join(HOME);
    let home = home.to_string_lossy();
    let keyward = |arguments: &[&str], input: &str| output(binary, &home, arguments, input);

    keyward(&["init", "--yes", "--no-discovery"], "")?;
    let base_url = format!("http://{}/v1", http::MOCK);
    // Prices of OpenAI, so that every request is also charged.
    let kind = ["--kind", "openai_compatible", "--catalog", "openai"];
    keyward(&[["provider", "add", "mock", "--base-url", &base_url].as_slice(), &kind].concat(), "")?;
    keyward(&["key", "add", "mock", "--name", "bench"], PROVIDER_KEY)?;
    let created: CreatedKey = serde_json::from_str(&keyward(&["vkey", "create", "bench", "--json"], "")?)?;

    let mut serve = Command::new(binary);
    serve
        .args(["serve", "--home", &home])
        .env("KEYWARD_LISTEN__DATA", DATA.to_string())
        .env("KEYWARD_LISTEN__ADMIN", ADMIN.to_string());
    let headers = vec![format!("Authorization: Bearer {}", created.token)];
    Subject::new(NAME, DATA, headers, Running::start(NAME, Core::Gateway, &mut serve)?)
}

/// How many attempts the ledger holds. Call it when the server has stopped.
pub fn ledger_attempts(binary: &Path, scratch: &Path) -> anyhow::Result<u64> {
    let home = scratch.join(HOME);
    let usage: Usage = serde_json::from_str(&output(binary, &home.to_string_lossy(), &["usage", "--json"], "")?)?;
    Ok(usage.total.attempts)
}

fn output(binary: &Path, home: &str, arguments: &[&str], input: &str) -> anyhow::Result<String> {
    let mut child = Command::new(binary)
        .args(arguments)
        .args(["--home", home])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("start {}", binary.display()))?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.as_bytes())?;
    }
    let output = child.wait_with_output()?;
    if !output.status.success() {
        bail!("`keyward {}` failed ({})", arguments.join(" "), output.status);
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
