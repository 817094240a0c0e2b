//! `keyward lease return`.

use super::As;
use crate::cli::failure::Failure;
use crate::cli::session::Session;

/// Which lease.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Its id.
    lease: String,
    #[command(flatten)]
    by: As,
}

pub fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let ended = args.by.ask(session, "DELETE", format!("/v1/leases/{}", args.lease), None)?;
    session.output.show(&ended, |output, _| output.line("Given back unused; it costs nothing."));
    Ok(())
}
