//! `keyward budget delete`.

use crate::cli::failure::Failure;
use crate::cli::session::{Session, delete};

/// Which budget.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What it is set on, such as team:research or each:user; or its id.
    scope: String,
    /// Its window, where the scope has several budgets.
    #[arg(long, value_name = "WINDOW")]
    per: Option<String>,
}

pub fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let removed = session.call(delete(&["budgets", &args.scope]).query("per", args.per.as_deref()))?;
    session.output.show(&removed, |output, _| output.line(&format!("Deleted the budget of `{}`.", args.scope)));
    Ok(())
}
