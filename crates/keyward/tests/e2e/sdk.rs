//! Promise D02: the vendors' own SDKs, unmodified but for base URL and key, through Keyward. What fails here and passes
//! straight against the scripted provider (in that crate's tests) is Keyward's fault.

use std::path::{Path, PathBuf};
use std::process::Command;

use keyward_testkit::provider::{BillLine, KeyBehaviour, ScriptedProvider, Vendor, VendorError, mint_secret};

use serde_json::Value;

use crate::scene::{Scene, base_url};

/// The model of most checks, and the one that the restricted key may use.
const CHAT: [(Vendor, &str); 3] =
    [(Vendor::OpenAi, "gpt-4o-mini"), (Vendor::Anthropic, "claude-haiku-4-5"), (Vendor::Gemini, "gemini-2.5-flash")];

/// Fewer passed checks mean that a script ended early.
const FEWEST_CHECKS: usize = 15;

#[test]
fn d02_openai_in_python() {
    with_python(Vendor::OpenAi, "openai_sdk.py");
}

#[test]
fn d02_anthropic_in_python() {
    with_python(Vendor::Anthropic, "anthropic_sdk.py");
}

#[test]
fn d02_google_genai_in_python() {
    with_python(Vendor::Gemini, "google_genai_sdk.py");
}

#[test]
fn d02_openai_in_node() {
    with_node(Vendor::OpenAi, "openai_sdk.mjs");
}

#[test]
fn d02_anthropic_in_node() {
    with_node(Vendor::Anthropic, "anthropic_sdk.mjs");
}

fn with_python(vendor: Vendor, script: &str) {
    let told = std::env::var_os("KEYWARD_TEST_PYTHON").map(PathBuf::from);
    let made = root().join("target/test-env/python/bin/python");
    let Some(python) = told.or_else(|| Some(made).filter(|path| path.exists())) else { return missing("Python") };
    let mut command = Command::new(python);
    command.arg(root().join("tests/sdk/python").join(script));
    check(vendor, command);
}

fn with_node(vendor: Vendor, script: &str) {
    let told = std::env::var_os("KEYWARD_TEST_NODE_DIR").map(PathBuf::from);
    let folder = told.unwrap_or_else(|| root().join("tests/sdk/node"));
    if !folder.join("node_modules").exists() {
        return missing("Node");
    }
    let mut command = Command::new("node");
    command.arg(script).current_dir(folder);
    check(vendor, command);
}

/// In CI a check that did not run has failed.
fn missing(language: &str) {
    let how =
        format!("the SDKs for {language} are not installed: `cargo xtask test --only sdk` installs them and runs this");
    assert!(std::env::var_os("CI").is_none_or(|ci| ci.is_empty()), "{how}");
    eprintln!("not run: {how}");
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The limited key shares address, alias and dialect with the others. What makes it limited is that it may use the
/// second target of the alias only, a provider at which every call that costs money is answered 429.
fn check(vendor: Vendor, mut command: Command) {
    let (_, chat) = CHAT.into_iter().find(|(whose, _)| *whose == vendor).unwrap();
    let provider = ScriptedProvider::start_blocking();
    let scene = Scene::with_vendors(&provider);
    let busy = busy_provider(vendor, chat);
    let base = base_url(&busy, vendor);
    scene.run(&["provider", "add", vendor.name(), "--as", "busy", "--base-url", &base]).succeeded();
    scene.run_with(&["key", "add", "busy"], &mint_secret(vendor, "busy")).succeeded();
    let (first, second) = (format!("{vendor}/{chat}"), format!("busy/{chat}"));
    scene.run(&["model", "alias", "set", chat, &first, &second]).succeeded();
    let server = scene.serve();
    command
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("KEYWARD_URL", format!("http://{}", server.data))
        .env("KEYWARD_KEY", scene.vkey(&["sdk"]))
        .env("KEYWARD_RESTRICTED_KEY", scene.vkey(&["restricted", "--model", chat]))
        .env("KEYWARD_LIMITED_KEY", scene.vkey(&["limited", "--model", "busy/*"]));
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.lines().filter(|line| line.starts_with("ok ")).count() >= FEWEST_CHECKS, "{text}");

    let (ended, log) = server.stop();
    assert!(ended.success(), "{log}");
    let bill = provider.bill();
    assert!(bill.iter().all(|line| line.vendor == vendor) && busy.bill().is_empty());
    let usage = scene.json(&["usage", "--group-by", "model"]);
    for line in usage["lines"].as_array().unwrap() {
        assert_on_the_bill(line, &bill);
    }
}

/// Prompts are in the ledger to the token, and so are answers, but for those that their client left: the provider may
/// have said more than had arrived.
fn assert_on_the_bill(line: &Value, bill: &[BillLine]) {
    let model = line["group"]["model"].as_str().unwrap();
    let billed = || bill.iter().filter(|line| line.model == model);
    let prompt: u64 = billed().map(BillLine::input).sum();
    let answer: u64 = billed().map(|line| line.output).sum();
    let (seen_prompt, seen_answer) = (line["prompt_tokens"].as_u64(), line["completion_tokens"].as_u64());
    if line["estimated"] == 0 {
        assert_eq!((seen_prompt, seen_answer), (Some(prompt), Some(answer)), "{model}: {line}");
    }
    assert!(seen_prompt >= Some(prompt), "{model}: {prompt} of {line}");
}

/// A provider at which the model is listed, and every call for it is one too many.
fn busy_provider(vendor: Vendor, chat: &str) -> ScriptedProvider {
    let busy = ScriptedProvider::start_blocking();
    let behaviour = KeyBehaviour::RefusesPaid(VendorError::RateLimited(Some(1)));
    busy.add_key_with(vendor, "busy", &mint_secret(vendor, "busy"), behaviour);
    for other in MODELS_OF_THE_CATALOG {
        if *other != chat {
            busy.remove_model(vendor, other);
        }
    }
    busy
}

/// What the scripted provider offers at first; the busy one offers a single model of it.
const MODELS_OF_THE_CATALOG: &[&str] = &[
    "gpt-4o",
    "gpt-4o-mini",
    "gpt-4.1-mini",
    "gpt-5",
    "gpt-5-mini",
    "gpt-3.5-turbo-instruct",
    "text-embedding-3-small",
    "text-embedding-3-large",
    "gpt-image-1",
    "tts-1",
    "gpt-4o-mini-tts",
    "whisper-1",
    "gpt-4o-transcribe",
    "gpt-4o-mini-transcribe",
    "omni-moderation-latest",
    "claude-opus-4-5",
    "claude-sonnet-4-5",
    "claude-haiku-4-5",
    "claude-sonnet-5",
    "gemini-2.5-flash",
    "gemini-2.5-flash-lite",
    "gemini-2.5-pro",
    "gemini-embedding-001",
];
