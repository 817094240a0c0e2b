//! `keyward budget list`.

use serde_json::Value;

use crate::cli::failure::Failure;
use crate::cli::output::Tone;
use crate::cli::session::Session;
use crate::cli::table::{Align, Table};

/// Which budgets.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only those that are set on this, such as team:research or each:user.
    #[arg(long, value_name = "SCOPE")]
    scope: Option<String>,
}

pub fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let mut budgets = session.list(&["budgets"], &[("scope", args.scope.as_deref())])?;
    if let Some(budgets) = budgets.as_array_mut() {
        budgets.sort_by_key(|budget| (budget["scope"].to_string(), budget["per"].to_string()));
    }
    session.output.show(&budgets, |output, budgets| {
        let columns =
            [("SCOPE", Align::Left), ("PER", Align::Left), ("LIMIT USD", Align::Right), ("KIND", Align::Left)];
        let mut table = Table::new(columns.map(|(name, align)| (name.to_owned(), align)));
        for budget in budgets.as_array().into_iter().flatten() {
            let text = |field: &str| budget[field].as_str().unwrap_or_default().to_owned();
            let kind = kind(budget);
            let tone = (kind != "hard").then_some(Tone::Faint);
            table.toned_row([(text("scope"), None), (text("per"), None), (text("usd_now"), None), (kind, tone)]);
        }
        output.table(&table, "There are no budgets. `keyward budget set global --usd 500 --per day` makes one.");
    });
    Ok(())
}

fn kind(budget: &Value) -> String {
    let kind = budget["kind"].as_str().unwrap_or_default();
    if budget["mode"] == "observe" { format!("{kind}, observed") } else { kind.to_owned() }
}
