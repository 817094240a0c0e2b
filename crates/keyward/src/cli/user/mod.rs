//! `keyward user`: users of a tenant.

mod create;
mod delete;
mod list;
mod show;
mod update;

use super::failure::Failure;
use super::session::Session;

/// What to do.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Create a user.
    Create(create::Args),
    /// List users.
    List(list::Args),
    /// Show one user.
    Show(show::Args),
    /// Change a user, or switch them off.
    Update(update::Args),
    /// Delete a user that nothing belongs to.
    Delete(delete::Args),
}

pub fn run(verb: Verb, session: &Session) -> Result<(), Failure> {
    match verb {
        Verb::Create(args) => create::run(&args, session),
        Verb::List(args) => list::run(&args, session),
        Verb::Show(args) => show::run(&args, session),
        Verb::Update(args) => update::run(&args, session),
        Verb::Delete(args) => delete::run(&args, session),
    }
}
