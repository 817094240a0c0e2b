//! `keyward vkey list`.

use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::cli::table::Table;

/// Which keys.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// List revoked ones too.
    #[arg(long)]
    revoked: bool,
}

pub fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let vkeys = session.list(&["vkeys"], &[("revoked", args.revoked.then_some("true"))])?;
    session.output.show(&vkeys, |output, vkeys| {
        let mut table = Table::of(&["NAME", "ID", "STATE", "ENVIRONMENT", "MODELS", "EXPIRES"]);
        for vkey in vkeys.as_array().into_iter().flatten() {
            let text = |field: &str| vkey[field].as_str().unwrap_or("-").to_owned();
            let state = text("state");
            let tone = Some(super::tone_of_state(&state));
            table.toned_row([
                (text("name"), None),
                (text("id"), None),
                (state, tone),
                (text("environment"), None),
                (super::listed(&vkey["models"], "all"), None),
                (text("expires_at"), None),
            ]);
        }
        output.table(&table, "There are no virtual keys yet. `keyward vkey create my-app` makes one.");
    });
    Ok(())
}
