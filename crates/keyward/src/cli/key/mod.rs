//! `keyward key`: provider keys.

mod add;
mod cooldown;
mod disable;
mod drain;
mod enable;
mod events;
mod list;
mod remove;
mod replace;
mod retire;
mod reveal;
mod show;
mod terms;
mod test;
mod update;

use serde_json::Value;

use super::failure::Failure;
use super::output::{Output, Tone};
use super::session::Session;

/// What to do.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Add a provider key: checked, sealed, tested by a call that costs nothing, then put to use.
    Add(add::Args),
    /// List provider keys.
    List(list::Args),
    /// Show one provider key, without its secret.
    Show(show::Args),
    /// Change a key's name, or the terms on which it is used; what is not named stays.
    Update(update::Args),
    /// Ask the provider, by a call that costs nothing, whether a key works.
    Test(test::Args),
    /// Put a key to use again.
    Enable(enable::Args),
    /// Take a key out of use; it stays sealed.
    Disable(disable::Args),
    /// Let a key finish what it has: it gets no new calls.
    Drain(drain::Args),
    /// Take a key out of use for good; it stays for the record.
    Retire(retire::Args),
    /// Let a key rest for a while, or end its rest.
    #[command(subcommand)]
    Cooldown(cooldown::Verb),
    /// What changed about keys' standings: when, who or what, why, and until when.
    Events(events::Args),
    /// Enter a key's secret again: a new one in place of the old.
    Replace(replace::Args),
    /// Remove a key and its sealed secret for good.
    Remove(remove::Args),
    /// Show a key's secret. Written to the audit log first.
    Reveal(reveal::Args),
}

pub fn run(verb: Verb, session: &Session) -> Result<(), Failure> {
    match verb {
        Verb::Add(args) => add::run(&args, session),
        Verb::List(args) => list::run(&args, session),
        Verb::Show(args) => show::run(&args, session),
        Verb::Update(args) => update::run(&args, session),
        Verb::Test(args) => test::run(&args, session),
        Verb::Enable(args) => enable::run(&args, session),
        Verb::Disable(args) => disable::run(&args, session),
        Verb::Drain(args) => drain::run(&args, session),
        Verb::Retire(args) => retire::run(&args, session),
        Verb::Cooldown(verb) => cooldown::run(verb, session),
        Verb::Events(args) => events::run(&args, session),
        Verb::Replace(args) => replace::run(&args, session),
        Verb::Remove(args) => remove::run(&args, session),
        Verb::Reveal(args) => reveal::run(&args, session),
    }
}

/// Whether a test found nothing wrong with this key: it works, or it is switched off on purpose.
pub fn is_well(key: &Value) -> bool {
    let is_off = ["disabled", "retired", "revoked"].iter().any(|state| key["state"] == *state);
    is_off || key["proof"]["finding"] == "valid"
}

/// What a test found about each key.
pub fn findings(output: Output, keys: &Value) {
    for key in keys.as_array().into_iter().flatten() {
        finding(output, key);
    }
}

/// What a test found about a key, in a line.
pub fn finding(output: Output, key: &Value) {
    let finding = key["proof"]["finding"].as_str().unwrap_or("not tested");
    let tone = match finding {
        "valid" => Tone::Good,
        "not tested" | "unreachable" => Tone::Warning,
        _ => Tone::Bad,
    };
    let detail = key["proof"]["detail"].as_str().unwrap_or_default();
    let state = key["state"].as_str().unwrap_or_default();
    let line = format!("{}: {} ({state})", full_name(key), output.paint(tone, finding));
    output.line(if detail.is_empty() { line } else { format!("{line}: {}", super::output::clean(detail)) }.as_str());
}

/// `provider/name`.
pub fn full_name(key: &Value) -> String {
    let text = |field: &str| super::output::clean(key[field].as_str().unwrap_or_default());
    format!("{}/{}", text("provider"), text("name"))
}

fn tone_of_state(state: &str) -> Tone {
    match state {
        "active" => Tone::Good,
        "suspect" => Tone::Bad,
        "pending" | "draining" => Tone::Warning,
        _ => Tone::Faint,
    }
}

fn describe(output: Output, key: &Value) {
    let text = |field: &str| key[field].as_str().unwrap_or_default().to_owned();
    output.line(&output.paint(Tone::Strong, &full_name(key)));
    let proof = &key["proof"];
    let proved = proof["finding"].as_str().map_or_else(
        || "never tested".to_owned(),
        |finding| {
            format!(
                "{finding}, {} ({})",
                proof["detail"].as_str().unwrap_or_default(),
                proof["at"].as_str().unwrap_or_default()
            )
        },
    );
    let void =
        key["void"].as_bool().unwrap_or(false).then(|| "the provider has moved: enter this key again".to_owned());
    let head = [
        ("id", text("id")),
        ("state", text("state")),
        ("looks like", text("hint")),
        ("sealed for", text("sealed_for")),
        ("void", void.unwrap_or_default()),
        ("last test", proved),
        ("models", key["model_count"].to_string()),
    ];
    let health = super::health::in_full(&key["health"]);
    let tail = [("added", text("created_at")), ("revision", key["revision"].to_string())];
    output.fields(&head.into_iter().chain(health).chain(terms::in_full(&key["terms"])).chain(tail).collect::<Vec<_>>());
}
