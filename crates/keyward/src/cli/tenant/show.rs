//! `keyward tenant show`.

use keyward_admin::client::Ask;

use crate::cli::allowed::describe;
use crate::cli::failure::Failure;
use crate::cli::session::Session;

/// Which tenant.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Its name or id.
    tenant: String,
}

pub fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let tenant = session.call(Ask::get(&["tenants", &args.tenant]))?;
    session.output.show(&tenant, describe);
    Ok(())
}
