//! `keyward tenant`: tenants: who an installation is divided among.

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
    /// Create a tenant.
    Create(create::Args),
    /// List tenants.
    List,
    /// Show one tenant.
    Show(show::Args),
    /// Change a tenant, or switch it off.
    Update(update::Args),
    /// Delete a tenant that nothing belongs to.
    Delete(delete::Args),
}

pub fn run(verb: Verb, session: &Session) -> Result<(), Failure> {
    match verb {
        Verb::Create(args) => create::run(&args, session),
        Verb::List => list::run(session),
        Verb::Show(args) => show::run(&args, session),
        Verb::Update(args) => update::run(&args, session),
        Verb::Delete(args) => delete::run(&args, session),
    }
}
