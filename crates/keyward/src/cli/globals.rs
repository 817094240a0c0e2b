//! Options that every command takes.

use std::path::PathBuf;

use super::argv::INSTEAD;
use super::failure::Failure;

/// Options that every command takes.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Everywhere")]
pub struct Globals {
    /// Print JSON for scripts instead of text for people.
    #[arg(long, global = true)]
    pub json: bool,
    /// The installation's directory [default: $KEYWARD_HOME, $XDG_DATA_HOME/keyward or ~/.local/share/keyward].
    #[arg(long, global = true, value_name = "DIR")]
    pub home: Option<PathBuf>,
    /// The config file [default: keyward.yaml in the home].
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Ask the server at this address instead of the one on this machine.
    #[arg(long, global = true, value_name = "URL")]
    pub url: Option<String>,
    /// A file with the admin token for --url [default: $KEYWARD_TOKEN_FILE, else the token in $KEYWARD_TOKEN].
    #[arg(long, global = true, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Only here to be refused with a hint.
    #[arg(long, global = true, hide = true)]
    pub token: Option<String>,
}

impl Globals {
    /// Refuses a token that was given as an argument.
    pub fn check(&self) -> Result<(), Failure> {
        match self.token {
            None => Ok(()),
            Some(_) => Err(Failure::usage(format!(
                "a token is never taken from the arguments, which everybody on this machine can read: use --token-file \
                 FILE or the variable KEYWARD_TOKEN ({INSTEAD})"
            ))),
        }
    }
}
