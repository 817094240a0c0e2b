//! `keyward tenant list`.

use crate::cli::failure::Failure;
use crate::cli::output::yes_no;
use crate::cli::session::Session;
use crate::cli::table::Table;
use crate::cli::vkey::listed;

pub fn run(session: &Session) -> Result<(), Failure> {
    let tenants = session.list(&["tenants"], &[])?;
    session.output.show(&tenants, |output, tenants| {
        let mut table = Table::of(&["NAME", "ID", "ENABLED", "MODELS", "TEAMS", "USERS", "VIRTUAL KEYS"]);
        for tenant in tenants.as_array().into_iter().flatten() {
            let text = |field: &str| tenant[field].as_str().unwrap_or("-").to_owned();
            table.row([
                text("name"),
                text("id"),
                yes_no(&tenant["enabled"]),
                listed(&tenant["models"], "all"),
                tenant["teams"].to_string(),
                tenant["users"].to_string(),
                tenant["virtual_keys"].to_string(),
            ]);
        }
        output.table(&table, "There are no tenants yet: run `keyward init` first.");
    });
    Ok(())
}
