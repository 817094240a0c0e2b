//! `keyward limit`: how fast callers may call.

mod delete;
mod list;
mod set;
mod show;

use serde_json::Value;

use super::failure::Failure;
use super::output::{Output, Tone, clean};
use super::session::Session;

/// What to do.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Set limits on a scope, or change those with the same meter and period; what is not named stays.
    Set(set::Args),
    /// List limits.
    List(list::Args),
    /// Show every limit of a scope.
    Show(show::Args),
    /// Delete a limit: nothing is refused on its behalf any more.
    Delete(delete::Args),
}

pub fn run(verb: Verb, session: &Session) -> Result<(), Failure> {
    match verb {
        Verb::Set(args) => set::run(&args, session),
        Verb::List(args) => list::run(&args, session),
        Verb::Show(args) => show::run(&args, session),
        Verb::Delete(args) => delete::run(&args, session),
    }
}

fn describe(output: Output, limit: &Value) {
    let text = |field: &str| limit[field].as_str().unwrap_or_default().to_owned();
    output.line(&output.paint(Tone::Strong, &clean(&format!("{}: {}", text("scope"), in_words(limit)))));
    let uses = limit["uses"].as_array().into_iter().flatten().map(in_use).collect::<Vec<_>>();
    output.fields(&[
        ("id", text("id")),
        ("in use", uses.join("; ")),
        ("burst", limit["burst"].as_u64().map(|burst| burst.to_string()).unwrap_or_default()),
        ("mode", text("mode")),
        ("set by", text("set_by")),
        ("on loss", text("on_loss")),
        ("created", text("created_at")),
        ("revision", limit["revision"].to_string()),
    ]);
}

/// Where a counter stands.
fn in_use(line: &Value) -> String {
    let whose = line["scope"].as_str().unwrap_or_default();
    let free = line["free_at"].as_str().map(|at| format!(", all of it free at {at}")).unwrap_or_default();
    format!("{} by {whose}, {} left now{free}", line["used"], line["remaining"])
}

/// `1000 requests per minute`.
fn in_words(limit: &Value) -> String {
    let is_one = limit["quota"].as_u64() == Some(1);
    let meter = match limit["meter"].as_str().unwrap_or_default() {
        "concurrency" if is_one => "call at once".to_owned(),
        "concurrency" => "calls at once".to_owned(),
        meter if is_one => meter.strip_suffix('s').unwrap_or(meter).replace('_', " "),
        meter => meter.replace('_', " "),
    };
    let per = limit["per"].as_str().map(|per| format!(" per {per}")).unwrap_or_default();
    format!("{} {meter}{per}", limit["quota"])
}
