//! `keyward team`: teams of a tenant.

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
    /// Create a team.
    Create(create::Args),
    /// List teams.
    List(list::Args),
    /// Show one team.
    Show(show::Args),
    /// Change a team, or switch it off.
    Update(update::Args),
    /// Delete a team that nothing belongs to.
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
