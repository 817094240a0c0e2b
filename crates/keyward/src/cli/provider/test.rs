//! `keyward provider test`.

use keyward_admin::client::Ask;

use crate::cli::failure::Failure;
use crate::cli::key::findings;
use crate::cli::output::Tone;
use crate::cli::session::Session;

/// Which provider.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Its name or id.
    provider: String,
}

pub fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let test = session.call(Ask::post(&["providers", &args.provider, "test"]))?;
    let reachable = test["reachable"].as_bool().unwrap_or(false);
    session.output.show(&test, |output, test| {
        let (tone, word) = if reachable { (Tone::Good, "answers") } else { (Tone::Bad, "does not answer") };
        let detail = test["detail"].as_str().unwrap_or_default();
        output.line(&format!(
            "{} {}: {detail}",
            test["provider"].as_str().unwrap_or_default(),
            output.paint(tone, word)
        ));
        findings(output, &test["keys"]);
    });
    let all_well = reachable && test["keys"].as_array().is_none_or(|keys| keys.iter().all(crate::cli::key::is_well));
    if all_well { Ok(()) } else { Err(Failure::found()) }
}
