//! `keyward requests show`.

use keyward_admin::client::Ask;
use serde_json::Value;

use crate::cli::failure::Failure;
use crate::cli::output::{Output, Tone};
use crate::cli::session::Session;

/// Which call.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Its id, as in the header `x-keyward-request-id`.
    request: String,
}

pub fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let call = session.call(Ask::get(&["requests", &args.request]))?;
    session.output.show(&call, print);
    Ok(())
}

fn print(output: Output, call: &Value) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    output.line(&output.paint(Tone::Strong, &text(&call["id"])));
    output.fields(&[
        ("when", text(&call["at"])),
        ("virtual key", call["virtual_key_name"].as_str().map_or_else(|| text(&call["virtual_key"]), str::to_owned)),
        ("model", text(&call["requested_model"])),
        ("operation", format!("{} {}", text(&call["dialect"]), text(&call["operation"]))),
        ("outcome", text(&call["outcome"])),
        ("refused with", text(&call["code"])),
        ("status", call["status"].to_string()),
        ("cost", super::cost(call)),
    ]);
    for attempt in call["attempts"].as_array().into_iter().flatten() {
        let name = format!(
            "attempt {}: {}/{} with the key {}",
            attempt["number"],
            text(&attempt["provider"]),
            text(&attempt["model"]),
            text(&attempt["key"])
        );
        output.line(&output.paint(Tone::Strong, &crate::cli::output::clean(&name)));
        output.fields(&[
            ("outcome", text(&attempt["outcome"])),
            ("status", attempt["status"].to_string()),
            ("usage", usage(attempt)),
            ("cost", cost(attempt)),
            ("prices of", text(&attempt["price_version"])),
            ("took", format!("{} ms, of which Keyward {} us", attempt["duration_ms"], attempt["overhead_us"])),
        ]);
    }
    for correction in call["corrections"].as_array().into_iter().flatten() {
        print_correction(output, correction);
    }
}

fn print_correction(output: Output, correction: &Value) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let name = format!("correction {}: of attempt {}", correction["number"], correction["corrects"]);
    output.line(&output.paint(Tone::Strong, &name));
    output.fields(&[
        ("when", text(&correction["made_at"])),
        ("amount", text(&correction["amount_usd"])),
        ("reason", text(&correction["reason"])),
        ("prices of", text(&correction["price_version"])),
    ]);
}

/// What was consumed, and how that is known. What a dead process left behind was never counted.
fn usage(attempt: &Value) -> String {
    if attempt["usage"].is_null() {
        return "not counted".to_owned();
    }
    format!("{} ({})", attempt["usage"], attempt["source"].as_str().unwrap_or_default())
}

/// What an attempt cost, with `~` when the provider did not say what it was for.
fn cost(attempt: &Value) -> String {
    let Some(cost) = attempt["cost_usd"].as_str() else { return "unknown price".to_owned() };
    if attempt["usage"].is_null() {
        return format!("~{cost}, all that was reserved");
    }
    let is_estimated = matches!(attempt["source"].as_str(), Some("estimated" | "partial"));
    if is_estimated { format!("~{cost}") } else { cost.to_owned() }
}
