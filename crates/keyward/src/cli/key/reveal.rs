//! `keyward key reveal`.

use std::io::IsTerminal as _;

use keyward_admin::client::Ask;

use crate::cli::failure::Failure;
use crate::cli::prompt;
use crate::cli::session::Session;

/// Which key.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Its name, `provider/name` or id.
    key: String,
    /// Do not ask first.
    #[arg(long)]
    yes: bool,
}

pub fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let sure = args.yes
        || prompt::confirm(&format!("Show the secret of `{}`? This goes into the audit log.", args.key), false)?;
    if !sure {
        let hint = if std::io::stdin().is_terminal() {
            "nothing was shown"
        } else {
            "say --yes to show it without being asked"
        };
        return Err(Failure::failed(hint));
    }
    let key = session.call(Ask::post(&["keys", &args.key, "reveal"]))?;
    session.output.show(&key, |output, key| output.line(key["secret"].as_str().unwrap_or_default()));
    Ok(())
}
