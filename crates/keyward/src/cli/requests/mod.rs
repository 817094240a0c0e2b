//! `keyward requests`: the request log.

mod correct;
mod explain;
mod list;
mod show;

use super::failure::Failure;
use super::session::Session;

/// What to do.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// List calls, newest first.
    List(list::Args),
    /// Show one call with its attempts.
    Show(show::Args),
    /// Correct what one call cost: a new entry of the ledger, next to what was written.
    Correct(correct::Args),
    /// Explain one call: its attempts, what they taught, and why other keys were not used then.
    Explain(explain::Args),
}

pub fn run(verb: Verb, session: &Session) -> Result<(), Failure> {
    match verb {
        Verb::List(args) => list::run(&args, session),
        Verb::Show(args) => show::run(&args, session),
        Verb::Correct(args) => correct::run(&args, session),
        Verb::Explain(args) => explain::run(&args, session),
    }
}

/// What a call cost. Figures that nobody reported are marked with `~`, and an unknown price does not cost nothing.
fn cost(call: &serde_json::Value) -> String {
    let cost = call["cost_usd"].as_str().unwrap_or("unknown");
    let mark = if call["estimated"].as_bool().unwrap_or(false) { "~" } else { "" };
    let rest = if call["unpriced"].as_bool().unwrap_or(false) { " + unknown" } else { "" };
    format!("{mark}{cost}{rest}")
}
