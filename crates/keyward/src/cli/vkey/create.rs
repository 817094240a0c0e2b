//! `keyward vkey create`.

use keyward_admin::client::Ask;
use serde_json::json;

use super::grant::Grant;
use crate::cli::failure::Failure;
use crate::cli::session::{Session, present};

/// What to create.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to call it.
    name: String,
    /// For the sandbox only: it can never reach a provider that costs money.
    #[arg(long)]
    test: bool,
    /// The tenant it belongs to: a name or an id [default: the team's, the user's, or yours].
    #[arg(long, value_name = "TENANT")]
    tenant: Option<String>,
    #[command(flatten)]
    grant: Grant,
}

pub fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let mut body = present(args.grant.fields());
    body["name"] = json!(args.name);
    if let Some(tenant) = &args.tenant {
        body["tenant"] = json!(tenant);
    }
    if args.test {
        body["environment"] = json!("test");
    }
    let issued = session.call(Ask::post(&["vkeys"]).body(body))?;
    session.output.show(&issued, super::show_token);
    Ok(())
}
