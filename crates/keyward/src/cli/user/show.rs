//! `keyward user show`.

use keyward_admin::client::Ask;

use crate::cli::allowed::describe;
use crate::cli::failure::Failure;
use crate::cli::session::Session;

/// Which user.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Their name, TENANT/NAME, or id.
    user: String,
}

pub fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let user = session.call(Ask::get(&["users", &args.user]))?;
    session.output.show(&user, describe);
    Ok(())
}
