//! `keyward config`.

mod apply;
mod check;
mod diff;
mod difference;

use super::failure::Failure;
use super::session::Session;

/// What to do.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Check the config file and the overrides in the environment; tells every mistake with its place.
    Check(check::Args),
    /// Show what differs between the config file and the one that the server took over last.
    Diff(diff::Args),
    /// Wait until the running server has taken the config file over, or say why it does not.
    Apply(apply::Args),
}

pub fn run(verb: Verb, session: &Session) -> Result<(), Failure> {
    match verb {
        Verb::Check(args) => check::run(&args, session),
        Verb::Diff(args) => diff::run(&args, session),
        Verb::Apply(args) => apply::run(&args, session),
    }
}
