//! `keyward limit list`.

use crate::cli::failure::Failure;
use crate::cli::output::Tone;
use crate::cli::session::Session;
use crate::cli::table::{Align, Table};

/// Which limits.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only those that are set on this, such as team:research or each:user.
    #[arg(long, value_name = "SCOPE")]
    scope: Option<String>,
}

pub fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let mut limits = session.list(&["limits"], &[("scope", args.scope.as_deref())])?;
    if let Some(limits) = limits.as_array_mut() {
        limits.sort_by_key(|limit| (limit["scope"].to_string(), limit["meter"].to_string(), limit["per"].to_string()));
    }
    session.output.show(&limits, |output, limits| {
        let mut table = Table::new(
            [
                ("SCOPE", Align::Left),
                ("LIMIT", Align::Left),
                ("IN USE", Align::Right),
                ("LEFT", Align::Right),
                ("BURST", Align::Right),
                ("MODE", Align::Left),
                ("ON LOSS", Align::Left),
            ]
            .map(|(name, align)| (name.to_owned(), align)),
        );
        for limit in limits.as_array().into_iter().flatten() {
            let text = |field: &str| limit[field].as_str().unwrap_or_default().to_owned();
            let burst = limit["burst"].as_u64().map_or_else(|| "-".to_owned(), |burst| burst.to_string());
            let line = &limit["uses"][0];
            let is_full = limit["mode"] != "observe" && line["remaining"].as_u64() == Some(0);
            let figure = |name: &str| {
                let number = line[name].as_u64().map_or_else(|| "-".to_owned(), |number| number.to_string());
                (number, is_full.then_some(Tone::Bad))
            };
            let tone = (limit["mode"] == "observe").then_some(Tone::Faint);
            table.toned_row([
                (text("scope"), None),
                (super::in_words(limit), None),
                figure("used"),
                figure("remaining"),
                (burst, None),
                (if limit["set_by"] == "tenant" { text("mode") + ", the tenant's" } else { text("mode") }, tone),
                (text("on_loss"), Some(Tone::Faint)),
            ]);
        }
        output.table(&table, "There are no limits. `keyward limit set each:user --rpm 10` makes one.");
    });
    Ok(())
}
