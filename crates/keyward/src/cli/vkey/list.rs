//! `keyward vkey list`.

use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::cli::table::Table;

/// Which keys.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only this tenant's.
    #[arg(long, value_name = "TENANT")]
    tenant: Option<String>,
    /// Only this team's, those of its users included.
    #[arg(long, value_name = "TEAM")]
    team: Option<String>,
    /// Only this user's.
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// List revoked ones too.
    #[arg(long)]
    revoked: bool,
}

pub fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let vkeys = session.list(
        &["vkeys"],
        &[
            ("tenant", args.tenant.as_deref()),
            ("team", args.team.as_deref()),
            ("user", args.user.as_deref()),
            ("revoked", args.revoked.then_some("true")),
        ],
    )?;
    session.output.show(&vkeys, |output, vkeys| {
        let mut table =
            Table::of(&["NAME", "ID", "STATE", "ENVIRONMENT", "TENANT", "TEAM", "USER", "MODELS", "EXPIRES"]);
        for vkey in vkeys.as_array().into_iter().flatten() {
            let text = |field: &str| vkey[field].as_str().unwrap_or("-").to_owned();
            let state = text("state");
            let tone = Some(super::tone_of_state(&state));
            table.toned_row([
                (text("name"), None),
                (text("id"), None),
                (state, tone),
                (text("environment"), None),
                (text("tenant"), None),
                (text("team"), None),
                (text("user"), None),
                (super::listed(&vkey["models"], "all"), None),
                (text("expires_at"), None),
            ]);
        }
        output.table(&table, "There are no virtual keys yet. `keyward vkey create my-app` makes one.");
    });
    Ok(())
}
