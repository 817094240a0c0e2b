//! `keyward provider show`.

use keyward_admin::client::Ask;

use crate::cli::failure::Failure;
use crate::cli::session::Session;

/// Which provider.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Its name or id.
    provider: String,
}

pub fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let provider = session.call(Ask::get(&["providers", &args.provider]))?;
    session.output.show(&provider, super::describe);
    Ok(())
}
