//! `keyward team delete`.

use crate::cli::failure::Failure;
use crate::cli::session::{Session, delete};

/// Which team.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Its name, TENANT/NAME, or id.
    team: String,
}

pub fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let removed = session.call(delete(&["teams", &args.team]))?;
    session.output.show(&removed, |output, _| output.line(&format!("The team `{}` is deleted.", args.team)));
    Ok(())
}
