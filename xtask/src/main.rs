//! The project's own commands: `cargo xtask test | check | tidy | promises | bench | simulate | generate`.

#![expect(unreachable_pub, reason = "a program exports nothing: `pub` here opens a module to its siblings")]

mod bench;
mod cargo;
mod check;
mod command;
mod generate;
mod machine;
mod promises;
mod simulate;
mod steps;
mod test;
mod tidy;
mod tree;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The project's own commands")]
struct Args {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Everything that decides whether a change is good; installs what it needs.
    Test(test::Args),
    /// The quick part of `test`: format, lints, house rules, tests without the SDKs.
    Check,
    /// The house rules.
    Tidy,
    /// Promise, tests, status.
    Promises(promises::Args),
    /// Speed and memory beside nginx in the same run.
    Bench(bench::Args),
    /// What a pool makes of a day of traffic, by strategy.
    Simulate(simulate::Args),
    /// Writes the documents that are generated from the binary.
    Generate(generate::Args),
}

fn main() -> ExitCode {
    let outcome = match Args::parse().task {
        Task::Test(args) => test::run(&args),
        Task::Check => check::run(),
        Task::Tidy => tidy::run(),
        Task::Promises(args) => promises::run(&args),
        Task::Bench(args) => bench::run(&args),
        Task::Simulate(args) => simulate::run(&args),
        Task::Generate(args) => generate::run(&args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
