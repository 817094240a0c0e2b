//! `keyward usage reprice`.

use keyward_admin::client::Ask;
use serde_json::{Value, json};

use crate::cli::failure::Failure;
use crate::cli::output::{Output, Tone};
use crate::cli::session::{Session, present};
use crate::cli::table::{Align, Table};

/// Which rows.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// From when on: 24h, 7d, 4w, a date or a moment.
    #[arg(long, value_name = "WHEN")]
    since: String,
    /// Up to when [default: now].
    #[arg(long, value_name = "WHEN")]
    until: Option<String>,
    /// Where plain dates begin, such as Asia/Seoul [default: UTC].
    #[arg(long, value_name = "ZONE")]
    zone: Option<String>,
    /// Only this model, as the provider calls it.
    #[arg(long, value_name = "MODEL")]
    model: Option<String>,
    /// Only say what it would come to.
    #[arg(long)]
    dry_run: bool,
}

/// Heading, field, and on which side of its column it stands.
const COLUMNS: [(&str, &str, Align); 8] = [
    ("MODEL", "model", Align::Left),
    ("PRICES OF", "price_version", Align::Left),
    ("ATTEMPTS", "attempts", Align::Right),
    ("HAD NO PRICE", "unpriced_before", Align::Right),
    ("LEFT", "left", Align::Right),
    ("BEFORE USD", "before_usd", Align::Right),
    ("AFTER USD", "after_usd", Align::Right),
    ("DIFFERENCE", "difference_usd", Align::Right),
];

pub fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let zone = args.zone.as_deref().unwrap_or("UTC");
    let body = json!({
        "since": args.since, "until": args.until, "zone": zone, "model": args.model, "dry_run": args.dry_run,
    });
    let done = session.call(Ask::post(&["usage", "reprice"]).body(present(body)))?;
    session.output.show(&done, print);
    Ok(())
}

fn print(output: Output, done: &Value) {
    let mut table = Table::new(COLUMNS.map(|(heading, _, align)| (heading.to_owned(), align)));
    for model in done["models"].as_array().into_iter().flatten() {
        let name = format!("{}/{}", text(&model["provider"]), text(&model["model"]));
        let cells = COLUMNS.map(|(_, field, _)| if field == "model" { name.clone() } else { text(&model[field]) });
        table.row(cells);
    }
    let total = &done["total"];
    let cells = COLUMNS.map(|(_, field, _)| if field == "model" { "total".to_owned() } else { text(&total[field]) });
    table.toned_row(cells.map(|cell| (cell, Some(Tone::Strong))));
    output.table(&table, "Nothing was used.");
    let written = if done["dry_run"] == true { "would be written" } else { "were written" };
    output.line(&format!("{} corrections {written}.", total["corrections"]));
    if total["assumed_standard"].as_u64().unwrap_or(0) > 0 {
        output.line(&format!(
            "{} attempts are taken to have been served in the standard class: their rows do not say.",
            total["assumed_standard"]
        ));
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
