//! `keyward audit`.

mod list;

use super::failure::Failure;
use super::session::Session;

/// What to do.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// List who did what, newest first.
    List(list::Args),
}

pub fn run(verb: Verb, session: &Session) -> Result<(), Failure> {
    match verb {
        Verb::List(args) => list::run(&args, session),
    }
}
