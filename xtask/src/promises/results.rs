//! What the last run of the tests said, kept in `target/promises`.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use crate::test::runner::{Runner, Scope};
use crate::test::sdk::SdkEnvironment;
use crate::{command, tree};

/// Test name without its modules -> passed. Where two tests share a name, both must have passed.
#[derive(Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Results(BTreeMap<String, bool>);

impl Results {
    /// `None`: the run did not have this test.
    pub fn passed(&self, test: &str) -> Option<bool> {
        self.0.get(test).copied()
    }

    fn add(&mut self, path: &str, passed: bool) {
        let name = path.rsplit("::").next().unwrap_or(path).to_owned();
        let all = self.0.entry(name).or_insert(true);
        *all &= passed;
    }
}

/// Runs the tests in `scope`, shows them, and stores what they said. An error when one failed.
pub fn record(environment: &SdkEnvironment, scope: Scope) -> anyhow::Result<()> {
    let path = path();
    let _ = fs::remove_file(&path);
    let (results, outcome) = match Runner::new(environment, scope) {
        Runner::Nextest(command) => run_nextest(command)?,
        Runner::Libtest(command) => run_libtest(command)?,
    };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(&path, serde_json::to_string_pretty(&results)?).with_context(|| format!("write {}", path.display()))?;
    outcome
}

/// `None`: there was no run yet.
pub fn load() -> anyhow::Result<Option<Results>> {
    let path = path();
    match fs::read_to_string(&path) {
        Ok(text) => Ok(Some(serde_json::from_str(&text).with_context(|| format!("read {}", path.display()))?)),
        Err(_) => Ok(None),
    }
}

fn path() -> PathBuf {
    tree::target().join("promises/results.json")
}

type Run = (Results, anyhow::Result<()>);

fn run_nextest(mut nextest: Command) -> anyhow::Result<Run> {
    let report = tree::target().join("nextest/ci/junit.xml");
    let _ = fs::remove_file(&report);
    // Standard output belongs to whoever called us: `promises --json` must print nothing else there.
    let outcome = command::run(nextest.stdout(std::io::stderr()));
    match fs::read_to_string(&report) {
        Ok(junit) => Ok((parse_junit(&junit), outcome)),
        Err(error) => outcome.and(Err(error).with_context(|| format!("read {}", report.display()))),
    }
}

fn run_libtest(mut libtest: Command) -> anyhow::Result<Run> {
    let mut child = libtest.stdout(Stdio::piped()).spawn().context("start `cargo test`")?;
    let mut results = Results::default();
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).lines() {
            let line = line?;
            eprintln!("{line}");
            parse_libtest_line(&line, &mut results);
        }
    }
    let status = child.wait()?;
    let outcome = if status.success() { Ok(()) } else { Err(anyhow::anyhow!("`cargo test` failed ({status})")) };
    Ok((results, outcome))
}

/// Enough of JUnit: each `testcase` has a name and failed when it holds a `failure` or an `error`.
fn parse_junit(junit: &str) -> Results {
    let mut results = Results::default();
    for case in junit.split("<testcase ").skip(1) {
        let case = case.split("</testcase>").next().unwrap_or(case);
        let name = case.strip_prefix("name=\"").or_else(|| case.split_once(" name=\"").map(|(_, rest)| rest));
        if let Some((name, _)) = name.and_then(|rest| rest.split_once('"')) {
            results.add(name, !case.contains("<failure") && !case.contains("<error"));
        }
    }
    results
}

/// `test a::m06_cut ... ok`, also `test a::x - should panic ... ok`.
fn parse_libtest_line(line: &str, results: &mut Results) {
    let Some((path, verdict)) = line.strip_prefix("test ").and_then(|rest| rest.rsplit_once(" ... ")) else { return };
    let path = path.split(' ').next().unwrap_or(path);
    match verdict.split_whitespace().next() {
        Some("ok") => results.add(path, true),
        Some("FAILED") => results.add(path, false),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::{Results, parse_junit, parse_libtest_line};

    #[test]
    fn junit_names_and_verdicts_are_read() {
        let junit = r#"<testsuite name="keyward-gateway">
            <testcase name="stream::m06_cut" classname="keyward-gateway::it" time="0.1">
            </testcase>
            <testcase name="m07_crash" classname="keyward-store" time="0.1"><failure type="test failure">boom</failure></testcase>
            <testcase name="again::m07_crash" classname="keyward-store" time="0.1"/>
        </testsuite>"#;
        let results = parse_junit(junit);
        assert_eq!(results.passed("m06_cut"), Some(true));
        assert_eq!(results.passed("m07_crash"), Some(false));
        assert_eq!(results.passed("m08_none"), None);
    }

    #[test]
    fn libtest_lines_are_read() {
        let mut results = Results::default();
        for line in [
            "test a::m06_cut ... ok",
            "test s01_dump - should panic ... ok",
            "test m07_crash ... FAILED",
            "test x ... ignored",
        ] {
            parse_libtest_line(line, &mut results);
        }
        assert_eq!(results.passed("m06_cut"), Some(true));
        assert_eq!(results.passed("s01_dump"), Some(true));
        assert_eq!(results.passed("m07_crash"), Some(false));
        assert_eq!(results.passed("x"), None);
    }
}
