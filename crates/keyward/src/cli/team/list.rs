//! `keyward team list`.

use crate::cli::failure::Failure;
use crate::cli::output::yes_no;
use crate::cli::session::Session;
use crate::cli::table::Table;
use crate::cli::vkey::listed;

/// Which teams.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only this tenant's.
    #[arg(long, value_name = "TENANT")]
    tenant: Option<String>,
}

pub fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let teams = session.list(&["teams"], &[("tenant", args.tenant.as_deref())])?;
    session.output.show(&teams, |output, teams| {
        let mut table = Table::of(&["NAME", "TENANT", "ID", "ENABLED", "MODELS", "USERS", "VIRTUAL KEYS"]);
        for team in teams.as_array().into_iter().flatten() {
            let text = |field: &str| team[field].as_str().unwrap_or("-").to_owned();
            table.row([
                text("name"),
                text("tenant"),
                text("id"),
                yes_no(&team["enabled"]),
                listed(&team["models"], "all"),
                team["users"].to_string(),
                team["virtual_keys"].to_string(),
            ]);
        }
        output.table(&table, "There are no teams yet. `keyward team create NAME` makes one.");
    });
    Ok(())
}
