//! `keyward lease`: a provider key in one's own hands for a short time. Takes, reports and returns at the data plane with
//! a virtual key, as any other taker would; lists through the control plane, as an operator.

mod give_back;
mod list;
mod report;
mod take;

use std::net::SocketAddr;
use std::path::PathBuf;

use serde_json::Value;

use super::data_plane::{self, Call};
use super::failure::{Exit, Failure};
use super::prompt;
use super::session::Session;

/// Holds the virtual key, so that it need not be typed.
const VIRTUAL_KEY: &str = "KEYWARD_VKEY";

/// What to do.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Take a lease: get the best key for a model or a provider.
    Take(take::Args),
    /// Say how it went, so that the pool and the ledger know.
    Report(report::Args),
    /// Give a lease back unused.
    Return(give_back::Args),
    /// List the leases that are open, newest first.
    List(list::Args),
}

/// Whom to ask, and as whom.
#[derive(Debug, clap::Args)]
struct As {
    /// Where clients connect; `listen.data` of the config when left out.
    #[arg(long, value_name = "ADDRESS")]
    data: Option<SocketAddr>,
    /// A file that holds the virtual key; else `KEYWARD_VKEY`, else it is asked for.
    #[arg(long, value_name = "FILE")]
    vkey_file: Option<PathBuf>,
}

pub fn run(verb: Verb, session: &Session) -> Result<(), Failure> {
    match verb {
        Verb::Take(args) => take::run(&args, session),
        Verb::Report(args) => report::run(&args, session),
        Verb::Return(args) => give_back::run(&args, session),
        Verb::List(args) => list::run(&args, session),
    }
}

impl As {
    /// Asks the data plane. A refusal is a failure that says what the server said.
    fn ask(
        &self,
        session: &Session,
        method: &'static str,
        path: String,
        body: Option<&Value>,
    ) -> Result<Value, Failure> {
        let address = match self.data {
            Some(address) => address,
            None => session.config()?.listen.data,
        };
        let key = match (&self.vkey_file, session.environment.get(VIRTUAL_KEY)) {
            (None, Some(key)) => zeroize::Zeroizing::new(key.to_owned()),
            (file, _) => prompt::text("Virtual key", file.as_deref())?,
        };
        let body = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
        let headers = vec![("authorization", format!("Bearer {}", key.trim()))];
        let call = Call { method, path, headers, content_type: "application/json", body };
        let answer = session.block_on(data_plane::send(address, call)).map_err(|error| Failure {
            exit: Exit::Unreachable,
            message: format!("{error:#} at {address}: start it with `keyward serve`, or say --data ADDRESS"),
        })?;
        let said: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        if answer.status < 300 {
            return Ok(said);
        }
        let message = said["error"]["message"].as_str().unwrap_or("the server refused without saying why").to_owned();
        let exit = if matches!(answer.status, 401 | 403) { Exit::Unreachable } else { Exit::Failed };
        Err(Failure { exit, message })
    }
}
