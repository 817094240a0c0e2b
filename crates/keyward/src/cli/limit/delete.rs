//! `keyward limit delete`.

use crate::cli::failure::Failure;
use crate::cli::session::{Session, delete};

/// Which limit.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What it is set on, such as team:research or each:user; or its id.
    scope: String,
    /// What it counts, where the scope has several limits.
    #[arg(long, value_name = "METER")]
    meter: Option<String>,
    /// Its period, where the scope has several limits.
    #[arg(long, value_name = "PERIOD")]
    per: Option<String>,
}

pub fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let ask = delete(&["limits", &args.scope]).query("meter", args.meter.as_deref()).query("per", args.per.as_deref());
    let removed = session.call(ask)?;
    session.output.show(&removed, |output, _| output.line(&format!("Deleted the limit of `{}`.", args.scope)));
    Ok(())
}
