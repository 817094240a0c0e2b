//! `keyward provider remove`.

use crate::cli::failure::Failure;
use crate::cli::session::{Session, delete};

/// Which provider.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Its name or id.
    provider: String,
}

pub fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let removed = session.call(delete(&["providers", &args.provider]))?;
    session.output.show(&removed, |output, _| output.line(&format!("Removed the provider `{}`.", args.provider)));
    Ok(())
}
