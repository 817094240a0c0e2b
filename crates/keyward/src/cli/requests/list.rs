//! `keyward requests list`.

use keyward_admin::client::Ask;

use crate::cli::failure::Failure;
use crate::cli::output::Tone;
use crate::cli::session::Session;
use crate::cli::table::Table;

/// Which calls.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only this virtual key's.
    #[arg(long, value_name = "NAME")]
    vkey: Option<String>,
    /// Only failures and refusals.
    #[arg(long)]
    failed: bool,
    /// Only from then on: 90m, 24h, 7d, a date or a moment.
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// How many.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=500))]
    limit: u32,
}

pub fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let ask = Ask::get(&["requests"])
        .query("virtual_key", args.vkey.as_deref())
        .query("failed_only", args.failed.then_some("true"))
        .query("since", args.since.as_deref())
        .query("limit", Some(args.limit));
    let page = session.call(ask)?;
    session.output.show(&page, |output, page| {
        let mut table = Table::of(&["WHEN", "REQUEST", "VIRTUAL KEY", "MODEL", "OUTCOME", "STATUS", "COST USD"]);
        for call in page["items"].as_array().into_iter().flatten() {
            let text = |field: &str| call[field].as_str().unwrap_or_default().to_owned();
            let vkey = call["virtual_key_name"].as_str().map_or_else(|| text("virtual_key"), str::to_owned);
            let outcome = call["code"].as_str().map_or_else(|| text("outcome"), str::to_owned);
            let tone = (outcome != "completed").then_some(Tone::Warning);
            table.toned_row([
                (text("at"), None),
                (text("id"), None),
                (vkey, None),
                (text("requested_model"), None),
                (outcome, tone),
                (call["status"].to_string(), None),
                (super::cost(call), None),
            ]);
        }
        output.table(&table, "There are no calls in the log.");
    });
    Ok(())
}
