//! `keyward key events`.

use keyward_admin::client::Ask;
use serde_json::Value;

use crate::cli::failure::Failure;
use crate::cli::health::tone_of_standing;
use crate::cli::session::Session;
use crate::cli::table::Table;

/// Of which key.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Its name, `provider/name` or id; all keys when left out.
    key: Option<String>,
    /// Only from then on: 90m, 24h, 7d, a date or a moment.
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// How many.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=500))]
    limit: u32,
}

pub fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let ask = match &args.key {
        Some(key) => Ask::get(&["keys", key, "events"]),
        None => Ask::get(&["key-events"]),
    };
    let page = session.call(ask.query("since", args.since.as_deref()).query("limit", Some(args.limit)))?;
    session.output.show(&page, |output, page| {
        let mut table = Table::of(&["WHEN", "KEY", "FROM", "TO", "UNTIL", "BY", "WHY"]);
        for event in page["items"].as_array().into_iter().flatten() {
            let text = |field: &str| event[field].as_str().unwrap_or_default().to_owned();
            let model = event["model"].as_str().map(|model| format!(" with {model}")).unwrap_or_default();
            let standing = text("standing");
            let tone = tone_of_standing(&standing);
            table.toned_row([
                (text("at"), None),
                (text("key") + &model, None),
                (text("from"), None),
                (standing, Some(tone)),
                (event["until"].as_str().unwrap_or("-").to_owned(), None),
                (cause(&event["cause"]), None),
                (text("reason"), None),
            ]);
        }
        output.table(&table, "Nothing has changed about the keys' standings.");
    });
    Ok(())
}

/// Who or what it was.
fn cause(cause: &Value) -> String {
    let text = |field: &str| cause[field].as_str().unwrap_or_default();
    match text("by") {
        "answer" if cause["status"] == 0 => format!("no answer, {}", text("request")),
        "answer" => format!("status {}, {}", cause["status"], text("request")),
        "lease" => format!("lease {}", text("lease")),
        "sibling" => format!("sibling {}", text("key")),
        "operator" => text("principal").to_owned(),
        "" => "-".to_owned(),
        by => by.to_owned(),
    }
}
