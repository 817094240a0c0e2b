//! `keyward audit list`.

use keyward_admin::client::Ask;

use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::cli::table::Table;

/// Which entries.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How many entries.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=500))]
    limit: u32,
    /// Only entries before this position.
    #[arg(long, value_name = "SEQ")]
    before: Option<u64>,
}

pub fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let page = session.call(Ask::get(&["audit"]).query("limit", Some(args.limit)).query("before", args.before))?;
    session.output.show(&page, |output, page| {
        let mut table = Table::of(&["SEQ", "WHEN", "WHO", "WHAT", "OBJECT", "DETAIL"]);
        for entry in page["items"].as_array().into_iter().flatten() {
            let text = |field: &str| entry[field].as_str().unwrap_or_default().to_owned();
            let refused = if entry["outcome"] == "refused" { " (refused)" } else { "" };
            let action = format!("{}{refused}", text("action"));
            let seq = entry["seq"].as_u64().map_or_else(|| "-".to_owned(), |seq| seq.to_string());
            table.row([seq, text("at"), text("actor"), action, text("object"), text("detail")]);
        }
        output.table(&table, "The audit log is empty.");
    });
    Ok(())
}
