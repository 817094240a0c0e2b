//! `keyward user create`.

use keyward_admin::client::Ask;
use serde_json::json;

use crate::cli::allowed::{Allowed, describe};
use crate::cli::failure::Failure;
use crate::cli::session::{Session, present};

/// Whom to create.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to call them.
    name: String,
    /// Which tenant they belong to [default: the team's, else yours].
    #[arg(long, value_name = "TENANT")]
    tenant: Option<String>,
    /// Which team they are in.
    #[arg(long, value_name = "TEAM")]
    team: Option<String>,
    #[command(flatten)]
    allowed: Allowed,
}

pub fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let mut fields = args.allowed.fields();
    fields["name"] = json!(args.name);
    fields["tenant"] = json!(args.tenant);
    fields["team"] = json!(args.team);
    let user = session.call(Ask::post(&["users"]).body(present(fields)))?;
    session.output.show(&user, describe);
    Ok(())
}
