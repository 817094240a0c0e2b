//! `keyward key drain`.

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
    let key = session.call(Ask::post(&["keys", &args.key, "drain"]))?;
    session.output.show(&key, |output, key| {
        output.line(&format!("{} is draining: it gets no new calls, those under way go on.", super::full_name(key)));
    });
    Ok(())
}
