//! The test runners: nextest where it is installed, libtest otherwise.

use std::process::Command;

use super::sdk::SdkEnvironment;
use crate::cargo::{cargo, has};

/// Which tests.
#[derive(Clone, Copy)]
pub enum Scope {
    All,
    /// Those whose names begin with a promise id.
    Promises,
}

/// Nextest's filter for names such as `m06_cut_streams`, at any module depth.
const PROMISE_FILTER: &str = "test(/(^|::)[mlkvsdo][0-9][0-9]_/)";
/// The tests that drive the official SDKs are in modules of this name.
const SDK_FILTER: &str = "test(/(^|::)sdk::/)";
const SDK_MODULE: &str = "sdk::";
/// Tests that measure memory or time want to be alone, which nextest arranges; libtest can only run one after another.
const ONE_AT_A_TIME: &str = "--test-threads=1";

const LIBTEST: [&str; 5] = ["test", "--workspace", "--lib", "--bins", "--tests"];

/// A command that runs tests, and where its results can be read afterwards.
pub enum Runner {
    /// Writes JUnit to `target/nextest/ci/junit.xml`.
    Nextest(Command),
    /// Prints one line per test.
    Libtest(Command),
}

impl Runner {
    pub fn new(environment: &SdkEnvironment, scope: Scope) -> Self {
        let mut command = cargo();
        environment.apply(&mut command);
        if !has("nextest") {
            command.args(LIBTEST).args(["--no-fail-fast", "--", ONE_AT_A_TIME]);
            return Self::Libtest(command);
        }
        command.args(["nextest", "run", "--workspace", "--profile", "ci", "--no-tests", "pass"]);
        if let Scope::Promises = scope {
            command.args(["-E", PROMISE_FILTER]);
        }
        Self::Nextest(command)
    }
}

/// Nextest does not run these.
pub fn doc_tests() -> Command {
    let mut command = cargo();
    command.args(["test", "--workspace", "--doc", "--quiet"]);
    command
}

pub fn without_sdks() -> Command {
    let mut command = cargo();
    if has("nextest") {
        command.args(["nextest", "run", "--workspace", "-E"]).arg(format!("not {SDK_FILTER}"));
    } else {
        command.args(LIBTEST).args(["--", ONE_AT_A_TIME, "--skip", SDK_MODULE]);
    }
    command
}

pub fn only_sdks(environment: &SdkEnvironment) -> Command {
    let mut command = cargo();
    environment.apply(&mut command);
    if has("nextest") {
        command.args(["nextest", "run", "--workspace", "--no-fail-fast", "-E", SDK_FILTER]);
    } else {
        command.args(LIBTEST).args(["--", ONE_AT_A_TIME, SDK_MODULE]);
    }
    command
}
