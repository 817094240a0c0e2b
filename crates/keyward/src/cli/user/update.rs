//! `keyward user update`.

use serde_json::json;

use crate::cli::allowed::{AllowedEdit, describe};
use crate::cli::failure::Failure;
use crate::cli::session::{Session, patch, present};

/// What to change; what is not named stays.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Their name, TENANT/NAME, or id.
    user: String,
    /// A new name.
    #[arg(long)]
    name: Option<String>,
    /// Whether their keys are accepted.
    #[arg(long, value_name = "true|false")]
    enabled: Option<bool>,
    /// The team to put them into.
    #[arg(long, value_name = "TEAM")]
    team: Option<String>,
    /// Take them out of their team.
    #[arg(long, conflicts_with = "team")]
    no_team: bool,
    #[command(flatten)]
    allowed: AllowedEdit,
}

pub fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let mut fields = args.allowed.fields();
    fields["name"] = json!(args.name);
    fields["enabled"] = json!(args.enabled);
    fields["team"] = json!(args.team);
    let mut body = present(fields);
    if args.no_team {
        body["team"] = serde_json::Value::Null;
    }
    if body.as_object().is_none_or(serde_json::Map::is_empty) {
        return Err(Failure::usage("say what to change, such as --name, --enabled, --team, --model or --all-models"));
    }
    let user = session.call(patch(&["users", &args.user], body))?;
    session.output.show(&user, describe);
    Ok(())
}
