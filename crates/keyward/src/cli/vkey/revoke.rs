//! `keyward vkey revoke`.

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
    let vkey = session.call(Ask::post(&["vkeys", &args.vkey, "revoke"]))?;
    session
        .output
        .show(&vkey, |output, _| output.line(&format!("The virtual key `{}` is revoked for good.", args.vkey)));
    Ok(())
}
