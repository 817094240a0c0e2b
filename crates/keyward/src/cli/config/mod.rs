//! `keyward config`.

mod check;

use super::failure::Failure;
use super::session::Session;

/// What to do.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Check the config file and the overrides in the environment; tells every mistake with its place.
    Check(check::Args),
}

pub fn run(verb: Verb, session: &Session) -> Result<(), Failure> {
    match verb {
        Verb::Check(args) => check::run(&args, session),
    }
}
