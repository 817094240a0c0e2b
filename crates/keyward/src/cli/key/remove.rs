//! `keyward key remove`.

use crate::cli::failure::Failure;
use crate::cli::session::{Session, delete};

/// Which key.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Its name, `provider/name` or id.
    key: String,
}

pub fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let removed = session.call(delete(&["keys", &args.key]))?;
    session
        .output
        .show(&removed, |output, _| output.line(&format!("Removed the key `{}` and its sealed secret.", args.key)));
    Ok(())
}
