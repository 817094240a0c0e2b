//! `keyward health check`.

use keyward_admin::client::Ask;
use serde_json::{Value, json};

use crate::cli::failure::Failure;
use crate::cli::key::findings;
use crate::cli::output::{Tone, clean};
use crate::cli::session::{Session, present};

/// Which keys.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Keys that are switched off as well.
    #[arg(long)]
    all: bool,
    /// Only this provider's.
    #[arg(long)]
    provider: Option<String>,
}

pub fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    session.output.note("Asking the providers, by calls that cost nothing ...");
    let body = present(json!({ "all": args.all, "provider": args.provider }));
    let check = session.call(Ask::post(&["health", "check"]).body(body))?;
    let found: Vec<&str> = check["found"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    session.output.show(&check, |output, check| {
        findings(output, &check["keys"]);
        let checked = &check["checked"];
        if checked == 0 {
            output.line("There are no provider keys to check.");
        } else if found.is_empty() {
            output.line(&output.paint(Tone::Good, &format!("All {checked} keys work.")));
        } else {
            let names = clean(&found.join(", "));
            let line = format!("{} of {checked} keys need a look: {names}", found.len());
            output.line(&output.paint(Tone::Bad, &line));
        }
    });
    if found.is_empty() { Ok(()) } else { Err(Failure::found()) }
}
