//! `keyward vkey show`.

use keyward_admin::client::Ask;

use crate::cli::failure::Failure;
use crate::cli::session::Session;

/// Which key.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Its name or id.
    vkey: String,
}

pub fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let vkey = session.call(Ask::get(&["vkeys", &args.vkey]))?;
    session.output.show(&vkey, super::describe);
    Ok(())
}
