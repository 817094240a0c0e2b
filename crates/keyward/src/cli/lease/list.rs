//! `keyward lease list`.

use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::cli::table::Table;

/// Nothing to choose.
#[derive(Debug, clap::Args)]
pub struct Args {}

pub fn run(_: &Args, session: &Session) -> Result<(), Failure> {
    let leases = session.list(&["leases"], &[])?;
    session.output.show(&leases, |output, leases| {
        let mut table = Table::of(&["ID", "VIRTUAL KEY", "PROVIDER", "KEY", "MODEL", "TAKEN", "EXPIRES", "STATE"]);
        for lease in leases.as_array().into_iter().flatten() {
            let text = |field: &str| lease[field].as_str().unwrap_or_default().to_owned();
            let taker = lease["virtual_key_name"].as_str().map_or_else(|| text("virtual_key"), str::to_owned);
            let model = lease["model"].as_str().unwrap_or("any").to_owned();
            let (from, until) = (text("taken_at"), text("expires_at"));
            table.row([text("id"), taker, text("provider"), text("key"), model, from, until, text("state")]);
        }
        output.table(&table, "No lease is open.");
    });
    Ok(())
}
