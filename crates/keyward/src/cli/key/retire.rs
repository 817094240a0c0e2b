//! `keyward key retire`.

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
    let key = session.call(Ask::post(&["keys", &args.key, "retire"]))?;
    session.output.show(&key, |output, key| {
        output
            .line(&format!("{} is retired: it gets no new calls and cannot be enabled again.", super::full_name(key)));
    });
    Ok(())
}
