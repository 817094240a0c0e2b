//! `keyward team show`.

use keyward_admin::client::Ask;

use crate::cli::allowed::describe;
use crate::cli::failure::Failure;
use crate::cli::session::Session;

/// Which team.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Its name, TENANT/NAME, or id.
    team: String,
}

pub fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let team = session.call(Ask::get(&["teams", &args.team]))?;
    session.output.show(&team, describe);
    Ok(())
}
