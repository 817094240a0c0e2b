//! `keyward status`.

use keyward_admin::client::Ask;
use serde_json::Value;

use super::failure::Failure;
use super::output::{Output, Tone, clean};
use super::session::Session;

/// Nothing to choose.
#[derive(Debug, clap::Args)]
pub struct Args {}

pub fn run(_: &Args, session: &Session) -> Result<(), Failure> {
    let status = session.call(Ask::get(&["status"]))?;
    session.output.show(&status, print);
    Ok(())
}

fn print(output: Output, status: &Value) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let serving = status["serving"].as_bool().unwrap_or(false);
    let state = match (serving, status["draining"].as_bool().unwrap_or(false)) {
        (true, true) => output.paint(Tone::Warning, "finishing what it has"),
        (true, false) => output.paint(Tone::Good, "serving"),
        (false, _) => output.paint(Tone::Faint, "no server is running"),
    };
    output.line(&format!("Keyward {}: {state}", text(&status["version"])));
    let up = serving.then(|| length(status["uptime_seconds"].as_u64().unwrap_or(0)));
    let ledger = &status["ledger"];
    // Those who see one tenant are not told what is about everybody.
    let whole = |field: &str, text: String| if status[field].is_null() { String::new() } else { text };
    output.fields(&[
        ("up for", up.unwrap_or_default()),
        ("vault", text(&status["vault"])),
        (
            "providers",
            whole("providers", format!("{} of {} enabled", status["enabled_providers"], status["providers"])),
        ),
        ("virtual keys", format!("{} of {} accepted", status["active_virtual_keys"], status["virtual_keys"])),
        ("ledger", rows(ledger)),
        ("durability", text(&status["journal"]["durability"])),
        ("revision", whole("revision", status["revision"].to_string())),
    ]);
    for key in status["keys"].as_array().into_iter().flatten() {
        let state = text(&key["state"]);
        let tone = if state == "active" { Tone::Good } else { Tone::Warning };
        let proof = key["proof"]["finding"].as_str().unwrap_or("never tested");
        let (standing, of_standing) = super::health::standing(key);
        let standing = of_standing.map_or(standing.clone(), |tone| output.paint(tone, &standing));
        let name = clean(&text(&key["key"]));
        output.line(&format!("  key {name}: {}, {standing} ({proof})", output.paint(tone, &state)));
    }
    for warning in status["warnings"].as_array().into_iter().flatten() {
        let mut lines = warning.as_str().unwrap_or_default().lines();
        let first = lines.next().unwrap_or_default();
        output.line(&format!("{} {}", output.paint(Tone::Warning, "!"), clean(first)));
        lines.for_each(|line| output.line(&format!("    {}", clean(line))));
    }
}

/// Rows and cost, with what keeps the cost from being exact.
fn rows(ledger: &Value) -> String {
    let cost = ledger["cost_usd"].as_str().unwrap_or_default();
    let unsettled = ledger["unsettled"].as_u64().map(|count| format!(", {count} unsettled")).unwrap_or_default();
    format!("{} rows, {cost} USD; {} without a price{unsettled}", ledger["entries"], ledger["unpriced"])
}

/// A length of time in words.
pub fn length(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..86_400 => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds / 3600 % 24),
    }
}
