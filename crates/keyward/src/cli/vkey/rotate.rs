//! `keyward vkey rotate`.

use keyward_admin::client::Ask;
use serde_json::json;

use crate::cli::failure::Failure;
use crate::cli::session::{Session, present};

/// Which key.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Its name or id.
    vkey: String,
    /// How long the token before stays accepted: 90s, 30m, 24h or 7d; 0 ends it now [default: 1h].
    #[arg(long, value_name = "LENGTH", value_parser = seconds)]
    grace: Option<u64>,
}

pub fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let body = present(json!({ "grace_seconds": args.grace }));
    let issued = session.call(Ask::post(&["vkeys", &args.vkey, "rotate"]).body(body))?;
    session.output.show(&issued, |output, issued| {
        super::show_token(output, issued);
        match issued["vkey"]["grace_ends_at"].as_str() {
            Some(end) => output.note(&format!("The token before stays accepted until {end}.")),
            None => output.note("The token before is no longer accepted."),
        }
    });
    Ok(())
}

fn seconds(text: &str) -> Result<u64, String> {
    const UNITS: [(char, u64); 4] = [('s', 1), ('m', 60), ('h', 3600), ('d', 86_400)];
    let unit = UNITS.iter().find_map(|(letter, length)| Some((text.strip_suffix(*letter)?, *length)));
    let (digits, length) = unit.unwrap_or((text, 1));
    let seconds = digits.parse::<u64>().ok().and_then(|count| count.checked_mul(length));
    seconds.ok_or_else(|| "write a length such as 90s, 30m, 24h or 7d".to_owned())
}
