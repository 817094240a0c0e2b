//! `keyward tenant delete`.

use crate::cli::failure::Failure;
use crate::cli::session::{Session, delete};

/// Which tenant.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Its name or id.
    tenant: String,
}

pub fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let removed = session.call(delete(&["tenants", &args.tenant]))?;
    session.output.show(&removed, |output, _| output.line(&format!("The tenant `{}` is deleted.", args.tenant)));
    Ok(())
}
