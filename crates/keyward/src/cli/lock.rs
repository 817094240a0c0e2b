//! `keyward lock`.

use keyward_admin::client::Ask;

use crate::cli::failure::Failure;
use crate::cli::session::Session;

/// Nothing to choose.
#[derive(Debug, clap::Args)]
pub struct Args {}

pub fn run(_: &Args, session: &Session) -> Result<(), Failure> {
    session.require_server("lock the vault of a running server")?;
    let locked = session.call(Ask::post(&["vault", "lock"]))?;
    session.output.show(&locked, |output, _| {
        output.line("The vault is locked: calls are refused until `keyward unlock`.");
    });
    Ok(())
}
