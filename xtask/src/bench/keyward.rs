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
/// The same with budgets on six scopes and four limits that every call touches.
pub const COUNTING: &str = "keyward, counting";
/// What the mock accepts; any text does.
const PROVIDER_KEY: &str = "upstream-key-of-the-mock";

/// More money than any run spends, and more calls than it makes.
const DOLLARS: &str = "1000000";
const PLENTY: &str = "1000000000000";

/// One installation and where it listens.
struct Place {
    name: &'static str,
    home: &'static str,
    data: SocketAddr,
    admin: SocketAddr,
}

const ALONE: Place = Place { name: NAME, home: "keyward", data: http::loopback(9300), admin: http::loopback(9301) };
const WITH_COUNTS: Place =
    Place { name: COUNTING, home: "keyward-counting", data: http::loopback(9310), admin: http::loopback(9311) };

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

/// Without budgets and limits.
pub fn start(binary: &Path, scratch: &Path) -> anyhow::Result<Subject> {
    begin(binary, scratch, &ALONE, |_| Ok(()))
}

/// With six budgets and four limits.
pub fn start_counting(binary: &Path, scratch: &Path) -> anyhow::Result<Subject> {
    begin(binary, scratch, &WITH_COUNTS, |keyward| {
        for scope in ["global", "team:bench", "user:bench", "vkey:bench", "provider:mock", "key:mock/bench"] {
            keyward(&["budget", "set", scope, "--usd", DOLLARS, "--per", "month"])?;
        }
        keyward(&["limit", "set", "global", "--rpm", PLENTY])?;
        keyward(&["limit", "set", "team:bench", "--tpm", PLENTY])?;
        keyward(&["limit", "set", "user:bench", "--meter", "output_tokens", "--quota", PLENTY, "--per", "hour"])?;
        keyward(&["limit", "set", "vkey:bench", "--concurrency", "100000"])
    })
}

fn begin(
    binary: &Path,
    scratch: &Path,
    place: &Place,
    more: impl FnOnce(&dyn Fn(&[&str]) -> anyhow::Result<()>) -> anyhow::Result<()>,
) -> anyhow::Result<Subject> {
    let home = scratch.join(place.home);
    let home = home.to_string_lossy();
    let keyward = |arguments: &[&str], input: &str| output(binary, &home, arguments, input);

    keyward(&["init", "--yes", "--no-discovery"], "")?;
    let base_url = format!("http://{}/v1", http::MOCK);
    // Prices of OpenAI, so that every request is also charged.
    let kind = ["--kind", "openai_compatible", "--catalog", "openai"];
    keyward(&[["provider", "add", "mock", "--base-url", &base_url].as_slice(), &kind].concat(), "")?;
    keyward(&["key", "add", "mock", "--name", "bench"], PROVIDER_KEY)?;
    keyward(&["team", "create", "bench"], "")?;
    keyward(&["user", "create", "bench", "--team", "bench"], "")?;
    let created: CreatedKey =
        serde_json::from_str(&keyward(&["vkey", "create", "bench", "--user", "bench", "--json"], "")?)?;
    more(&|arguments| keyward(arguments, "").map(drop))?;

    let mut serve = Command::new(binary);
    serve
        .args(["serve", "--home", &home])
        .env("KEYWARD_LISTEN__DATA", place.data.to_string())
        .env("KEYWARD_LISTEN__ADMIN", place.admin.to_string());
    let headers = vec![format!("Authorization: Bearer {}", created.token)];
    Subject::new(place.name, place.data, headers, Running::start(place.name, Core::Gateway, &mut serve)?)
}

/// How many attempts the ledger holds. Call it when the server has stopped.
pub fn ledger_attempts(binary: &Path, scratch: &Path) -> anyhow::Result<u64> {
    let home = scratch.join(ALONE.home);
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
