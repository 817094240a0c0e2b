//! `keyward tenant create`.

use keyward_admin::client::Ask;
use serde_json::json;

use crate::cli::allowed::{Allowed, describe};
use crate::cli::failure::Failure;
use crate::cli::session::{Session, present};

/// Whom to create.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to call it.
    name: String,
    #[command(flatten)]
    allowed: Allowed,
}

pub fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let mut fields = args.allowed.fields();
    fields["name"] = json!(args.name);
    let tenant = session.call(Ask::post(&["tenants"]).body(present(fields)))?;
    session.output.show(&tenant, describe);
    Ok(())
}
