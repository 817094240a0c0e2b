//! `keyward team update`.

use serde_json::json;

use crate::cli::allowed::{AllowedEdit, describe};
use crate::cli::failure::Failure;
use crate::cli::session::{Session, patch, present};

/// What to change; what is not named stays.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Its name, TENANT/NAME, or id.
    team: String,
    /// A new name.
    #[arg(long)]
    name: Option<String>,
    /// Whether its keys are accepted.
    #[arg(long, value_name = "true|false")]
    enabled: Option<bool>,
    #[command(flatten)]
    allowed: AllowedEdit,
}

pub fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let mut fields = args.allowed.fields();
    fields["name"] = json!(args.name);
    fields["enabled"] = json!(args.enabled);
    let body = present(fields);
    if body.as_object().is_none_or(serde_json::Map::is_empty) {
        return Err(Failure::usage("say what to change, such as --name, --enabled, --model or --all-models"));
    }
    let team = session.call(patch(&["teams", &args.team], body))?;
    session.output.show(&team, describe);
    Ok(())
}
