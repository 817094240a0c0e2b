//! `keyward budget`: what may be spent.

mod delete;
mod figures;
mod list;
mod set;
mod show;

use std::io::IsTerminal as _;

use serde_json::Value;

use super::failure::Failure;
use super::output::{Output, Tone, clean};
use super::session::Session;

/// What to do.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Set a budget on a scope, or change the one with the same window; what is not named stays.
    Set(Box<set::Args>),
    /// List budgets: what is spent, what is left, and where it leads.
    List(list::Args),
    /// Show every budget of a scope.
    Show(show::Args),
    /// Delete a budget: nothing is refused on its behalf any more.
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

fn describe(output: Output, budget: &Value) {
    let text = |field: &str| budget[field].as_str().unwrap_or_default().to_owned();
    let title = format!("{} per {}", text("scope"), text("per"));
    output.line(&output.paint(Tone::Strong, &clean(&title)));
    output.fields(&[
        ("id", text("id")),
        ("amount", amount(budget)),
        ("begins", begins(budget)),
        ("kind", kind(budget)),
        ("set by", text("set_by")),
        ("reserves", text("hold")),
        ("tells at", shares(&budget["alert_at"])),
        ("topped up", top_ups(&budget["top_ups"])),
        ("created", text("created_at")),
        ("revision", budget["revision"].to_string()),
    ]);
    let table = figures::balances(budget, std::io::stdout().is_terminal());
    output.table(&table, "  Nobody has spent anything in this window.");
    let (shown, scopes) = (budget["balances"].as_array().map_or(0, Vec::len), budget["scopes"].as_u64().unwrap_or(0));
    if usize::try_from(scopes).is_ok_and(|scopes| scopes > shown) {
        output.line(&output.paint(Tone::Faint, &format!("The {shown} that spent most, of {scopes}.")));
    }
}

/// The amount, with what it is now when there are top-ups.
fn amount(budget: &Value) -> String {
    let text = |field: &str| budget[field].as_str().unwrap_or_default();
    let (usd, now) = (text("usd"), text("usd_now"));
    if usd == now { format!("{usd} USD") } else { format!("{usd} USD, {now} USD with top-ups") }
}

/// Whose midnight counts, and where weeks and months begin.
fn begins(budget: &Value) -> String {
    let zone = budget["zone"].as_str().unwrap_or_default();
    let day = budget["week_starts"].as_str().map(|day| format!("on {day}, "));
    let date = budget["month_day"].as_u64().map(|day| format!("on day {day}, "));
    format!("{}{zone}", day.or(date).unwrap_or_default())
}

/// Whether it refuses.
fn kind(budget: &Value) -> String {
    match (budget["kind"].as_str(), budget["mode"].as_str()) {
        (Some(kind), Some("observe")) => format!("{kind}, observed only: nothing is refused"),
        (Some("soft"), _) => "soft: tells somebody, refuses nothing".to_owned(),
        (kind, _) => kind.unwrap_or_default().to_owned(),
    }
}

fn shares(list: &Value) -> String {
    let each = list.as_array().into_iter().flatten().filter_map(Value::as_str).map(|share| format!("{share} %"));
    each.collect::<Vec<_>>().join(", ")
}

fn top_ups(list: &Value) -> String {
    let each = list.as_array().into_iter().flatten().map(|top_up| {
        let text = |field: &str| top_up[field].as_str().unwrap_or_default();
        format!("{} USD until {}", text("usd"), text("until"))
    });
    each.collect::<Vec<_>>().join(", ")
}
