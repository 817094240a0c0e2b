//! `keyward requests explain`.

use keyward_admin::client::Ask;
use serde_json::Value;

use crate::cli::failure::Failure;
use crate::cli::output::{Output, Tone, clean};
use crate::cli::session::Session;
use crate::cli::table::Table;

/// Which call.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Its id, as in the header `x-keyward-request-id`.
    request: String,
}

pub fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let explained = session.call(Ask::get(&["requests", &args.request, "explain"]))?;
    session.output.show(&explained, print);
    Ok(())
}

fn print(output: Output, explained: &Value) {
    let text = |value: &Value| clean(value.as_str().unwrap_or_default());
    let call = &explained["request"];
    let outcome =
        call["code"].as_str().map_or_else(|| text(&call["outcome"]), |code| format!("refused with {}", clean(code)));
    let name = output.paint(Tone::Strong, &text(&call["id"]));
    output.line(&format!("{name}: `{}` at {}: {outcome}", text(&call["requested_model"]), text(&call["at"])));
    output.fields(&[
        ("status", call["status"].to_string()),
        ("attempts", call["attempts"].as_array().map_or(0, Vec::len).to_string()),
        ("cost", super::cost(call)),
    ]);
    for part in explained["attempts"].as_array().into_iter().flatten() {
        of_attempt(output, part);
    }
    candidates(output, &explained["candidates"]);
}

fn of_attempt(output: Output, part: &Value) {
    let attempt = &part["attempt"];
    let text = |field: &str| clean(attempt[field].as_str().unwrap_or_default());
    let heading =
        format!("attempt {}: {}/{} with the key {}", attempt["number"], text("provider"), text("model"), text("key"));
    output.line(&output.paint(Tone::Strong, &heading));
    let first =
        attempt["first_content_ms"].as_u64().map(|ms| format!(", first content after {ms} ms")).unwrap_or_default();
    output.fields(&[
        ("began", text("at")),
        ("outcome", format!("{} (status {})", text("outcome"), attempt["status"])),
        ("took", format!("{} ms{first}", attempt["duration_ms"])),
        ("cost", attempt["cost_usd"].as_str().map_or_else(|| "unknown price".to_owned(), |cost| format!("{cost} USD"))),
    ]);
    for event in part["taught"].as_array().into_iter().flatten() {
        let text = |field: &str| clean(event[field].as_str().unwrap_or_default());
        let until = event["until"].as_str().map(|until| format!(" until {until}")).unwrap_or_default();
        let model = event["model"].as_str().map(|model| format!(" with {}", clean(model))).unwrap_or_default();
        let line = format!("  taught: {}{model} is {}{until}: {}", text("key"), text("standing"), text("reason"));
        output.line(&output.paint(Tone::Warning, &line));
    }
    candidates(output, &part["candidates"]);
}

fn candidates(output: Output, candidates: &Value) {
    let mut table = Table::of(&["  KEY", "", "WHY"]);
    for candidate in candidates.as_array().into_iter().flatten() {
        let text = |field: &str| candidate[field].as_str().unwrap_or_default().to_owned();
        let choice = text("choice");
        let tone = match choice.as_str() {
            "chosen" => Tone::Good,
            "skipped" => Tone::Warning,
            _ => Tone::Faint,
        };
        let until =
            candidate["standing"]["until"].as_str().map(|until| format!(" (until {until})")).unwrap_or_default();
        table.toned_row([
            (format!("  {}/{}", text("provider"), text("key")), None),
            (choice, Some(tone)),
            (text("detail") + &until, None),
        ]);
    }
    if !table.is_empty() {
        output.table(&table, "");
    }
}
