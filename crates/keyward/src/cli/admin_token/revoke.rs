//! `keyward admin-token revoke`.

use keyward_admin::client::Ask;

use crate::cli::failure::Failure;
use crate::cli::session::Session;

/// Which token.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Its name or id.
    admin_token: String,
}

pub fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let revoked = session.call(Ask::post(&["admin-tokens", &args.admin_token, "revoke"]))?;
    session.output.show(&revoked, |output, _| {
        output.line(&format!("The admin token `{}` is revoked for good.", args.admin_token));
    });
    Ok(())
}
