//! `keyward admin-token list`.

use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::cli::table::Table;

pub fn run(session: &Session) -> Result<(), Failure> {
    let tokens = session.list(&["admin-tokens"], &[])?;
    session.output.show(&tokens, |output, tokens| {
        let mut table = Table::of(&["NAME", "ID", "STATE", "ROLE", "TENANT", "TEAM", "EXPIRES"]);
        for token in tokens.as_array().into_iter().flatten() {
            let text = |field: &str| token[field].as_str().unwrap_or("-").to_owned();
            let tenant = token["tenant"].as_str().unwrap_or("all").to_owned();
            table.row([
                text("name"),
                text("id"),
                text("state"),
                text("role"),
                tenant,
                text("team"),
                text("expires_at"),
            ]);
        }
        output.table(&table, "There are no admin tokens. `keyward admin-token create NAME` makes one.");
    });
    Ok(())
}
