//! `keyward budget list`.

use std::io::IsTerminal as _;

use super::figures;
use crate::cli::failure::Failure;
use crate::cli::session::Session;

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
        let table = figures::table(budgets, std::io::stdout().is_terminal());
        output.table(&table, "There are no budgets. `keyward budget set global --usd 500 --per day` makes one.");
    });
    Ok(())
}
