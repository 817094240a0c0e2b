//! `keyward unlock`.

use std::path::PathBuf;

use keyward_admin::client::Ask;

use crate::cli::failure::Failure;
use crate::cli::prompt;
use crate::cli::session::Session;
use crate::config::VaultRoot;

/// With what.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Unlock with the root key file of the server's home, whatever the config says.
    #[arg(long)]
    key_file: bool,
    /// Read the passphrase from this file instead of the prompt or stdin.
    #[arg(long, value_name = "FILE", conflicts_with = "key_file")]
    passphrase_file: Option<PathBuf>,
}

pub fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    session.require_server("unlock the vault of a running server")?;
    let with_passphrase =
        !args.key_file && (args.passphrase_file.is_some() || session.config()?.vault == VaultRoot::Passphrase);
    let mut ask = Ask::post(&["vault", "unlock"]);
    if with_passphrase {
        ask = ask.secret(prompt::secret("passphrase", args.passphrase_file.as_deref())?);
    }
    let vault = session.call(ask)?;
    session.output.show(&vault, |output, _| output.line("The vault is unlocked."));
    Ok(())
}
