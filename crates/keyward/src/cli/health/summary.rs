//! `keyward health summary`.

use keyward_admin::client::Ask;
use serde_json::Value;

use super::{age, percent, room, standing};
use crate::cli::failure::Failure;
use crate::cli::output::{Output, Tone, clean};
use crate::cli::session::Session;
use crate::cli::table::{Align, Table};

/// Nothing to choose.
#[derive(Debug, clap::Args)]
pub struct Args {}

pub fn run(_: &Args, session: &Session) -> Result<(), Failure> {
    let summary = session.call(Ask::get(&["health", "summary"]))?;
    session.output.show(&summary, |output, summary| {
        for line in lines(output, summary) {
            output.line(&line);
        }
    });
    Ok(())
}

/// The summary, line by line.
pub fn lines(output: Output, summary: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    for provider in summary["providers"].as_array().into_iter().flatten() {
        let keys = provider["keys"].as_array().map_or(&[][..], Vec::as_slice);
        lines.push(heading(output, provider, keys.len()));
        if !keys.is_empty() {
            lines.extend(table(keys).render(output).lines().map(|line| format!("  {line}")));
        }
        lines.extend(
            keys.iter().filter_map(reason).map(|why| format!("  {} {}", output.paint(Tone::Warning, "!"), clean(&why))),
        );
    }
    if lines.is_empty() {
        lines.push(
            "There are no providers yet. `keyward key add openai` adds one together with its first key.".to_owned(),
        );
    }
    lines
}

fn heading(output: Output, provider: &Value, keys: usize) -> String {
    let text = |field: &str| provider[field].as_str().unwrap_or_default();
    let usable = provider["usable"].as_u64().unwrap_or(0);
    let tone = if usable == 0 { Tone::Bad } else { Tone::Faint };
    let enabled = if provider["enabled"] == true { "" } else { ", disabled" };
    let unknown = provider["unknown_answers"].as_u64().filter(|count| *count > 0);
    let unknown = unknown.map(|count| format!(", {count} answers of an unknown kind")).unwrap_or_default();
    let limits = limits(provider);
    let what = format!("{usable} of {keys} usable, {}{enabled}{unknown}{limits}", text("strategy"));
    format!("{}  {}", output.paint(Tone::Strong, &clean(text("provider"))), output.paint(tone, &what))
}

/// How many calls may be under way at once, where it is not any number.
fn limits(provider: &Value) -> String {
    let whole = provider["at_once"].as_u64().map(|most| format!(", {} of {most} calls at once", provider["in_flight"]));
    let models = provider["limited_models"].as_array().into_iter().flatten().map(|known| {
        let model = clean(known["model"].as_str().unwrap_or_default());
        format!(", {} of {} for {model}", known["in_flight"], known["at_once"])
    });
    whole.into_iter().chain(models).collect()
}

fn table(keys: &[Value]) -> Table {
    let (left, right) = (Align::Left, Align::Right);
    let columns = [
        ("KEY", left),
        ("STATE", left),
        ("STANDING", left),
        ("GOOD", right),
        ("FAILED", right),
        ("IN A ROW", right),
        ("P50 MS", right),
        ("P95 MS", right),
        ("UNDER WAY", right),
        ("LEFT", left),
        ("LAST PROOF", left),
    ];
    let mut table = Table::new(columns.map(|(name, align)| (name.to_owned(), align)));
    for key in keys {
        let health = &key["health"];
        let text = |value: &Value| if value.is_null() { "-".to_owned() } else { value.to_string() };
        let state = key["state"].as_str().unwrap_or_default();
        let of_state = if state == "active" { Tone::Good } else { Tone::Warning };
        table.toned_row([
            (key["name"].as_str().unwrap_or_default().to_owned(), None),
            (state.to_owned(), Some(of_state)),
            standing(health),
            (percent(&health["success_permille"]), None),
            (text(&health["failures"]), None),
            (text(&health["consecutive_failures"]), None),
            (text(&health["latency"]["p50_ms"]), None),
            (text(&health["latency"]["p95_ms"]), None),
            (text(&health["in_flight"]), None),
            (room(health), None),
            (age(health), None),
        ]);
    }
    table
}

/// Why a key is not used, when something is held against it.
fn reason(key: &Value) -> Option<String> {
    let health = &key["health"];
    let reason = health["reason"].as_str().filter(|_| health["standing"] != "active")?;
    Some(format!("{}: {reason}", key["name"].as_str().unwrap_or_default()))
}
