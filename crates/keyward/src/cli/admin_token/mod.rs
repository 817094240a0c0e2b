//! `keyward admin-token`: who may administer what.

mod create;
mod list;
mod revoke;

use super::failure::Failure;
use super::session::Session;

/// What to do.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Create an admin token, for everything or for one tenant or team. It is shown once.
    Create(create::Args),
    /// List admin tokens.
    List,
    /// End an admin token for good, at once.
    Revoke(revoke::Args),
}

pub fn run(verb: Verb, session: &Session) -> Result<(), Failure> {
    match verb {
        Verb::Create(args) => create::run(&args, session),
        Verb::List => list::run(session),
        Verb::Revoke(args) => revoke::run(&args, session),
    }
}
