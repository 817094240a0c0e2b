//! `keyward team create`.

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
    /// Which tenant it belongs to [default: yours].
    #[arg(long, value_name = "TENANT")]
    tenant: Option<String>,
    #[command(flatten)]
    allowed: Allowed,
}

pub fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let mut fields = args.allowed.fields();
    fields["name"] = json!(args.name);
    fields["tenant"] = json!(args.tenant);
    let team = session.call(Ask::post(&["teams"]).body(present(fields)))?;
    session.output.show(&team, describe);
    Ok(())
}
