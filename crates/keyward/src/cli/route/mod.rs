//! `keyward route`: where a model's name leads.

mod explain;

use super::failure::Failure;
use super::session::Session;

/// What to do.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Explain which deployment and which key would serve a model now, and why not the others. Nothing is sent.
    Explain(explain::Args),
}

pub fn run(verb: Verb, session: &Session) -> Result<(), Failure> {
    match verb {
        Verb::Explain(args) => explain::run(&args, session),
    }
}
