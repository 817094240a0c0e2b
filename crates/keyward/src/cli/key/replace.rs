//! `keyward key replace`.

use std::path::PathBuf;

use keyward_admin::client::Ask;

use crate::cli::failure::Failure;
use crate::cli::prompt;
use crate::cli::session::Session;

/// Which key.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Its name, `provider/name` or id.
    key: String,
    /// Read the new secret from this file instead of the prompt or stdin.
    #[arg(long, value_name = "FILE")]
    from_file: Option<PathBuf>,
}

pub fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let secret = prompt::secret("provider key", args.from_file.as_deref())?;
    let key = session.call(Ask::post(&["keys", &args.key, "replace"]).secret(secret))?;
    session.output.show(&key, super::finding);
    if super::is_well(&key) { Ok(()) } else { Err(Failure::found()) }
}
