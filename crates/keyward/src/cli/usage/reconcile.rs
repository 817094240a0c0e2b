//! `keyward usage reconcile`.

use keyward_admin::client::Ask;
use serde_json::Value;

use crate::cli::failure::Failure;
use crate::cli::output::{Output, Tone};
use crate::cli::session::Session;
use crate::cli::table::{Align, Table};

/// How far back.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// From when on: 24h, 7d, 4w, a date or a moment [default: the last 400 days].
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
}

pub fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let found = session.call(Ask::get(&["usage", "reconcile"]).query("since", args.since.as_deref()))?;
    session.output.show(&found, print);
    if found["agrees"] == true { Ok(()) } else { Err(Failure::found()) }
}

/// Rows and sums in one sentence.
pub fn summary(found: &Value) -> String {
    let (rows, scopes) = (&found["rows"], &found["scopes"]);
    if found["agrees"] == true {
        return format!("{rows} rows agree with the sums of {scopes} scopes");
    }
    let count = found["drifts"].as_array().map_or(0, Vec::len);
    format!("{count} of the sums of {scopes} scopes do not agree with {rows} rows: see `keyward usage reconcile`")
}

fn print(output: Output, found: &Value) {
    output.line(&format!("{}.", summary(found)));
    let figures = ["ROWS USD", "KEPT USD", "ROWS ATTEMPTS", "KEPT ATTEMPTS"];
    let columns = figures.map(|heading| (heading.to_owned(), Align::Right));
    let mut table = Table::new([("SCOPE".to_owned(), Align::Left)].into_iter().chain(columns));
    for drift in found["drifts"].as_array().into_iter().flatten() {
        let (rows, kept) = (&drift["rows"], &drift["kept"]);
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let cells =
            [&drift["scope"], &rows["cost_usd"], &kept["cost_usd"], &rows["attempts"], &kept["attempts"]].map(text);
        table.toned_row(cells.map(|cell| (cell, Some(Tone::Bad))));
    }
    if !table.is_empty() {
        output.table(&table, "");
        output.line("Nothing was changed. The rows are what counts; keep a copy of the home and report this.");
    }
}
