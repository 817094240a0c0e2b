//! `keyward admin-token create`.

use keyward_admin::client::Ask;
use serde_json::json;

use crate::cli::failure::Failure;
use crate::cli::output::Tone;
use crate::cli::session::{Session, present};

/// What to create.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to call it.
    name: String,
    /// What it may do: `viewer` reads, `operator` also changes, `owner` may do everything.
    #[arg(long, value_name = "viewer|operator|owner", default_value = "viewer")]
    role: String,
    /// Only for this tenant: nothing else is there for its holder.
    #[arg(long, value_name = "TENANT")]
    tenant: Option<String>,
    /// Only for this team.
    #[arg(long, value_name = "TEAM")]
    team: Option<String>,
    /// From when it is no longer accepted: 2026-11-20 or 2026-11-20T09:30:00Z [default: never].
    #[arg(long, value_name = "MOMENT")]
    expires: Option<String>,
}

pub fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let body = present(json!({
        "name": args.name, "role": args.role, "tenant": args.tenant, "team": args.team, "expires_at": args.expires,
    }));
    let issued = session.call(Ask::post(&["admin-tokens"]).body(body))?;
    session.output.show(&issued, |output, issued| {
        output.line(&output.paint(Tone::Strong, issued["token"].as_str().unwrap_or_default()));
        output.note("This token is shown once and kept nowhere in the clear.");
    });
    Ok(())
}
