//! `keyward provider`: who we talk to.

mod add;
mod list;
mod remove;
mod show;
mod test;
mod update;

use serde_json::Value;

use super::failure::Failure;
use super::output::{Output, Tone};
use super::session::Session;

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
        ("prices from", provider["catalog"].as_str().unwrap_or("no catalog").to_owned()),
        ("keys", format!("{} ({} in use)", provider["keys"], provider["active_keys"])),
        ("created", text("created_at")),
        ("revision", provider["revision"].to_string()),
    ]);
}
