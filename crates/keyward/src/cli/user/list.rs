//! `keyward user list`.

use crate::cli::failure::Failure;
use crate::cli::output::yes_no;
use crate::cli::session::Session;
use crate::cli::table::Table;
use crate::cli::vkey::listed;

/// Which users.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only this tenant's.
    #[arg(long, value_name = "TENANT")]
    tenant: Option<String>,
    /// Only this team's.
    #[arg(long, value_name = "TEAM")]
    team: Option<String>,
}

pub fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let wanted = [("tenant", args.tenant.as_deref()), ("team", args.team.as_deref())];
    let users = session.list(&["users"], &wanted)?;
    session.output.show(&users, |output, users| {
        let mut table = Table::of(&["NAME", "TENANT", "TEAM", "ID", "ENABLED", "MODELS", "VIRTUAL KEYS"]);
        for user in users.as_array().into_iter().flatten() {
            let text = |field: &str| user[field].as_str().unwrap_or("-").to_owned();
            table.row([
                text("name"),
                text("tenant"),
                text("team"),
                text("id"),
                yes_no(&user["enabled"]),
                listed(&user["models"], "all"),
                user["virtual_keys"].to_string(),
            ]);
        }
        output.table(&table, "There are no users yet. `keyward user create NAME` makes one.");
    });
    Ok(())
}
