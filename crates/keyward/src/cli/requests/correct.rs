//! `keyward requests correct`.

use keyward_admin::client::Ask;
use serde_json::{Value, json};

use crate::cli::failure::Failure;
use crate::cli::output::{Output, Tone};
use crate::cli::session::{Session, present};

/// What, by how much, and why.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Its id, as in the header `x-keyward-request-id`.
    request: String,
    /// What is added to its cost in dollars; negative for a refund.
    #[arg(long, value_name = "AMOUNT", allow_hyphen_values = true)]
    usd: String,
    /// Why, for whoever reads it later.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Which of its attempts [default: the last one].
    #[arg(long, value_name = "NUMBER")]
    attempt: Option<u8>,
}

pub fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let body = json!({ "attempt": args.attempt, "usd": args.usd, "reason": args.reason });
    let done = session.call(Ask::post(&["requests", &args.request, "corrections"]).body(present(body)))?;
    session.output.show(&done, print);
    Ok(())
}

fn print(output: Output, done: &Value) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    output.line(&format!(
        "{} was corrected by {} USD and costs {} USD now.",
        text(&done["request"]),
        text(&done["correction"]["amount_usd"]),
        text(&done["cost_usd"])
    ));
    if let Some(below) = done["below_zero_usd"].as_str() {
        output.line(&output.paint(Tone::Warning, &format!("Its corrections exceed what it cost by {below} USD.")));
    }
}
