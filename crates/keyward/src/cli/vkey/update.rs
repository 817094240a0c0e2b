//! `keyward vkey update`.

use serde_json::json;

use super::grant::Grant;
use crate::cli::failure::Failure;
use crate::cli::session::{Session, patch, present};

/// What to change; what is not named stays.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub struct Args {
    /// Its name or id.
    vkey: String,
    /// A new name.
    #[arg(long)]
    name: Option<String>,
    /// Whether it may be used.
    #[arg(long, value_name = "true|false")]
    enabled: Option<bool>,
    #[command(flatten)]
    grant: Grant,
    /// Allow all models.
    #[arg(long, conflicts_with = "models")]
    all_models: bool,
    /// Count it to its user's team, or to none.
    #[arg(long, conflicts_with = "team")]
    no_team: bool,
    /// Take it from its user.
    #[arg(long, conflicts_with = "user")]
    no_user: bool,
    /// Let its calls carry no tags of their own.
    #[arg(long, conflicts_with = "claim_tags")]
    no_claim_tags: bool,
    /// Never let it expire.
    #[arg(long, conflicts_with = "expires")]
    no_expiry: bool,
}

pub fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let mut fields = args.grant.fields();
    fields["name"] = json!(args.name);
    fields["enabled"] = json!(args.enabled);
    if args.all_models {
        fields["models"] = json!([]);
    }
    let mut body = present(fields);
    let taken_away = [("expires_at", args.no_expiry), ("team", args.no_team), ("user", args.no_user)];
    for (field, _) in taken_away.into_iter().filter(|(_, taken)| *taken) {
        body[field] = serde_json::Value::Null;
    }
    if args.no_claim_tags {
        body["claim_tags"] = json!([]);
    }
    if body.as_object().is_none_or(serde_json::Map::is_empty) {
        return Err(Failure::usage("say what to change, such as --model, --operation, --team, --expires or --enabled"));
    }
    let vkey = session.call(patch(&["vkeys", &args.vkey], body))?;
    session.output.show(&vkey, super::describe);
    Ok(())
}
