//! Steps of a longer command: each timed, all run, one summary at the end.

use std::time::{Duration, Instant};

use anyhow::bail;

/// What has run so far. A failed step does not stop the next one, so that one run shows everything that is wrong.
#[derive(Default)]
pub struct Steps {
    done: Vec<Done>,
}

struct Done {
    name: &'static str,
    took: Duration,
    failure: Option<String>,
}

impl Steps {
    /// Runs one step now.
    pub fn run(&mut self, name: &'static str, step: impl FnOnce() -> anyhow::Result<()>) {
        eprintln!("\n=== {name}");
        let start = Instant::now();
        let failure = step().err().map(|error| format!("{error:#}"));
        if let Some(failure) = &failure {
            eprintln!("{name}: {failure}");
        }
        self.done.push(Done { name, took: start.elapsed(), failure });
    }

    /// Prints the summary; an error when any step failed.
    pub fn finish(self) -> anyhow::Result<()> {
        eprintln!("\n=== summary");
        for step in &self.done {
            let verdict = if step.failure.is_some() { "FAILED" } else { "ok" };
            eprintln!("{:<10} {:>7.1} s  {verdict}", step.name, step.took.as_secs_f64());
        }
        let total: Duration = self.done.iter().map(|step| step.took).sum();
        let failed: Vec<_> = self.done.iter().filter(|step| step.failure.is_some()).map(|step| step.name).collect();
        eprintln!("{:<10} {:>7.1} s", "all", total.as_secs_f64());
        if !failed.is_empty() {
            bail!("failed: {}", failed.join(", "));
        }
        Ok(())
    }
}
