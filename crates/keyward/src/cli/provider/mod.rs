//! `keyward provider`: who we talk to.

mod add;
mod list;
mod remove;
mod show;
mod test;
mod update;

use std::path::Path;

use keyward_admin::operation::provider::RuleText;
use serde_json::Value;

use super::failure::Failure;
use super::output::{Output, Tone};
use super::session::Session;
use crate::config;

/// What to do.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// List providers.
    List,
    /// Add a provider that is known by name, or any server by its base URL.
    Add(add::Args),
    /// Show one provider.
    Show(show::Args),
    /// Change a provider.
    Update(update::Args),
    /// Ask a provider, by a call that costs nothing, whether it answers; tests its keys too.
    Test(test::Args),
    /// Remove a provider that has no keys left.
    Remove(remove::Args),
}

pub fn run(verb: Verb, session: &Session) -> Result<(), Failure> {
    match verb {
        Verb::List => list::run(session),
        Verb::Add(args) => add::run(&args, session),
        Verb::Show(args) => show::run(&args, session),
        Verb::Update(args) => update::run(&args, session),
        Verb::Test(args) => test::run(&args, session),
        Verb::Remove(args) => remove::run(&args, session),
    }
}

/// The rules of a file, as the control plane takes them.
fn rules(file: Option<&Path>) -> Result<Option<Vec<RuleText>>, Failure> {
    let Some(file) = file else { return Ok(None) };
    let rules = config::load_rules(file).map_err(|error| Failure::usage(error.to_string()))?;
    Ok(Some(rules.iter().map(RuleText::of).collect()))
}

fn describe(output: Output, provider: &Value) {
    let text = |field: &str| provider[field].as_str().unwrap_or_default().to_owned();
    output.line(&output.paint(Tone::Strong, &text("name")));
    output.fields(&[
        ("id", text("id")),
        ("kind", text("kind")),
        ("base URL", text("base_url")),
        ("enabled", super::output::yes_no(&provider["enabled"])),
        ("free", super::output::yes_no(&provider["free"])),
        ("strategy", text("strategy")),
        ("calls at once", text("concurrency")),
        ("prices from", provider["catalog"].as_str().unwrap_or("no catalog").to_owned()),
        ("keys", format!("{} ({} in use)", provider["keys"], provider["active_keys"])),
        ("created", text("created_at")),
        ("revision", provider["revision"].to_string()),
    ]);
    for rule in provider["rules"].as_array().into_iter().flatten() {
        output.line(&format!("  {}  {}", output.paint(Tone::Faint, "rule"), super::output::clean(&in_words(rule))));
    }
}

/// A rule as a sentence.
fn in_words(rule: &Value) -> String {
    let said = |name: &str| rule[name].as_str();
    let status = rule["status"].as_u64().map(|status| format!("status {status}"));
    let code = said("code").map(|code| format!("code `{code}`"));
    let contains = said("contains").map(|text| format!("\"{text}\" in the message"));
    let fits: Vec<_> = status.into_iter().chain(code).chain(contains).collect();
    let (blame, lasts) = (said("blame").unwrap_or_default(), said("lasts").unwrap_or_default());
    let next = said("next").map(|next| format!(", then {next}")).unwrap_or_default();
    let reason = said("reason").map(|reason| format!(": {reason}")).unwrap_or_default();
    format!("{} is the trouble of the {blame}, for {lasts}{next}{reason}", fits.join(", "))
}
