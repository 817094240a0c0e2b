//! `keyward key disable`.

use keyward_admin::client::Ask;

use crate::cli::failure::Failure;
use crate::cli::session::Session;

/// Which key.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Its name, `provider/name` or id.
    key: String,
}

pub fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let key = session.call(Ask::post(&["keys", &args.key, "disable"]))?;
    session.output.show(&key, |output, key| {
        output.line(&format!("{} is {} now.", super::full_name(key), key["state"].as_str().unwrap_or_default()));
    });
    Ok(())
}
