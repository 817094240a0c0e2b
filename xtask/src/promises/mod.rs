//! `cargo xtask promises`: promise -> tests -> status.

mod named;
mod page;
mod results;

use serde::Serialize;

use crate::test::runner::Scope;
use crate::test::sdk;

pub use named::{NamedTest, find as named_tests};
pub use page::{Promise, read as read_page};
pub use results::record;

#[derive(clap::Args)]
pub struct Args {
    /// One JSON array for programs.
    #[arg(long)]
    json: bool,
}

/// Passes when it has tests that prove all of it, and the last run passed them all. A failed test always shows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Pass,
    Fail,
    None,
}

#[derive(Serialize)]
struct Line<'a> {
    promise: &'a str,
    status: Status,
    tests: Vec<&'a str>,
}

pub fn run(args: &Args) -> anyhow::Result<()> {
    let promises = read_page()?;
    let tests = named_tests()?;
    let results = stored_or_fresh(&tests)?;
    let lines: Vec<_> = promises.iter().map(|promise| line(promise, &tests, &results)).collect();
    if args.json {
        println!("{}", serde_json::to_string(&lines)?);
    } else {
        print_table(&promises, &lines, &tests);
    }
    Ok(())
}

/// The last run, unless there was none or it is older than a test's name.
fn stored_or_fresh(tests: &[NamedTest]) -> anyhow::Result<results::Results> {
    if let Some(stored) = results::load()?
        && tests.iter().all(|test| stored.passed(&test.name).is_some())
    {
        return Ok(stored);
    }
    eprintln!("no stored run knows all promise tests: running them");
    if let Err(error) = record(&sdk::prepare()?, Scope::Promises) {
        eprintln!("{error:#}");
    }
    Ok(results::load()?.unwrap_or_default())
}

fn line<'a>(promise: &'a Promise, tests: &'a [NamedTest], results: &results::Results) -> Line<'a> {
    let tests: Vec<_> = tests.iter().filter(|test| test.promise == promise.id).map(|test| test.name.as_str()).collect();
    let status = if !tests.iter().all(|test| results.passed(test) == Some(true)) {
        Status::Fail
    } else if tests.is_empty() || promise.in_part {
        Status::None
    } else {
        Status::Pass
    };
    Line { promise: &promise.id, status, tests }
}

fn print_table(promises: &[Promise], lines: &[Line<'_>], tests: &[NamedTest]) {
    for (promise, line) in promises.iter().zip(lines) {
        let status = match line.status {
            Status::Pass => "pass",
            Status::Fail => "FAIL",
            Status::None if line.tests.is_empty() => "-",
            Status::None => "part",
        };
        println!("{} {status:<4}  {}", promise.id, promise.title);
        for test in tests.iter().filter(|test| test.promise == promise.id) {
            println!("          {}  {}:{}", test.name, test.path, test.line);
        }
    }
    let count = |status| lines.iter().filter(|line| line.status == status).count();
    println!(
        "{} pass, {} fail, {} unproven or proven in part",
        count(Status::Pass),
        count(Status::Fail),
        count(Status::None)
    );
}
