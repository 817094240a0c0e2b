//! `cargo xtask test`: everything that decides whether a change is good, from an empty clone.

pub mod lint;
pub mod runner;
pub mod sdk;
mod stacks;

use clap::ValueEnum;

use crate::steps::Steps;
use crate::{command, generate, machine, promises, tidy};

#[derive(clap::Args)]
pub struct Args {
    /// Run this step alone.
    #[arg(long, value_enum, value_name = "NAME")]
    only: Option<Step>,
}

/// In the order in which they run. The tests come last, so that the runner's closing lines stand above the summary.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Step {
    Tidy,
    Fmt,
    Clippy,
    Generate,
    Deny,
    Doc,
    /// All tests of the workspace; those with the official SDKs among them.
    Test,
    /// Only the tests with the official SDKs.
    Sdk,
}

pub fn run(args: &Args) -> anyhow::Result<()> {
    machine::prepare_toolchain()?;
    let mut steps = Steps::default();
    match args.only {
        Some(step) => run_step(step, &mut steps),
        None => Step::value_variants()
            .iter()
            .filter(|step| **step != Step::Sdk)
            .for_each(|step| run_step(*step, &mut steps)),
    }
    steps.finish()
}

fn run_step(step: Step, steps: &mut Steps) {
    match step {
        Step::Tidy => steps.run("tidy", tidy::run),
        Step::Fmt => steps.run("fmt", lint::format),
        Step::Clippy => steps.run("clippy", lint::clippy),
        Step::Generate => steps.run("generate", generate::check),
        Step::Deny => steps.run("deny", || {
            stacks::check()?;
            lint::deny()
        }),
        Step::Doc => steps.run("doc", || command::run(&mut runner::doc_tests())),
        Step::Test => steps.run("test", || promises::record(&sdk::prepare()?, runner::Scope::All)),
        Step::Sdk => steps.run("sdk", || command::run(&mut runner::only_sdks(&sdk::prepare()?))),
    }
}
