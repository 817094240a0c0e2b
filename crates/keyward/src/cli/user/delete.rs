//! `keyward user delete`.

use crate::cli::failure::Failure;
use crate::cli::session::{Session, delete};

/// Which user.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Their name, TENANT/NAME, or id.
    user: String,
}

pub fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let removed = session.call(delete(&["users", &args.user]))?;
    session.output.show(&removed, |output, _| output.line(&format!("The user `{}` is deleted.", args.user)));
    Ok(())
}
