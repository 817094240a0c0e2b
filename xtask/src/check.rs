//! `cargo xtask check`: what to run while working.

use crate::steps::Steps;
use crate::{command, test, tidy};

/// Format, lints, house rules, tests without the SDKs.
pub fn run() -> anyhow::Result<()> {
    let mut steps = Steps::default();
    steps.run("fmt", test::lint::format);
    steps.run("clippy", test::lint::clippy);
    steps.run("tidy", tidy::run);
    steps.run("test", || command::run(&mut test::runner::without_sdks()));
    steps.finish()
}
