//! `keyward vkey`: virtual keys.

mod create;
mod grant;
mod list;
mod revoke;
mod rotate;
mod show;
mod update;

use serde_json::Value;

use super::failure::Failure;
use super::output::{Output, Tone};
use super::session::Session;

/// What to do.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Create a virtual key. Its token is shown once.
    Create(create::Args),
    /// List virtual keys.
    List(list::Args),
    /// Show one virtual key, without its token.
    Show(show::Args),
    /// Change what a virtual key may do. Its token stays the same.
    Update(update::Args),
    /// Give a virtual key a new token; the one before stays accepted for a while.
    Rotate(rotate::Args),
    /// End a virtual key for good, at once.
    Revoke(revoke::Args),
}

pub fn run(verb: Verb, session: &Session) -> Result<(), Failure> {
    match verb {
        Verb::Create(args) => create::run(&args, session),
        Verb::List(args) => list::run(&args, session),
        Verb::Show(args) => show::run(&args, session),
        Verb::Update(args) => update::run(&args, session),
        Verb::Rotate(args) => rotate::run(&args, session),
        Verb::Revoke(args) => revoke::run(&args, session),
    }
}

/// A token, shown this once.
fn show_token(output: Output, issued: &Value) {
    output.line(&output.paint(Tone::Strong, issued["token"].as_str().unwrap_or_default()));
    output.note("This token is shown once and kept nowhere in the clear. Put it where your SDK wants its API key.");
}

fn tone_of_state(state: &str) -> Tone {
    match state {
        "active" => Tone::Good,
        "not_yet_valid" => Tone::Warning,
        _ => Tone::Faint,
    }
}

/// A list in one cell; an empty grant allows everything.
pub fn listed(value: &Value, when_empty: &str) -> String {
    let items: Vec<&str> = value.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if items.is_empty() { when_empty.to_owned() } else { items.join(", ") }
}

/// What its calls may say about themselves.
fn claims(vkey: &Value) -> String {
    let end_users = vkey["claim_end_users"].as_bool().unwrap_or(false).then(|| "end users".to_owned());
    let tags = vkey["claim_tags"].as_array().is_some_and(|tags| !tags.is_empty());
    let tags = tags.then(|| format!("tags {}", listed(&vkey["claim_tags"], "")));
    let claims: Vec<_> = end_users.into_iter().chain(tags).collect();
    if claims.is_empty() { "nothing".to_owned() } else { claims.join(", ") }
}

fn describe(output: Output, vkey: &Value) {
    let text = |field: &str| vkey[field].as_str().unwrap_or_default().to_owned();
    output.line(&output.paint(Tone::Strong, &super::output::clean(&text("name"))));
    output.fields(&[
        ("id", text("id")),
        ("state", text("state")),
        ("environment", text("environment")),
        ("tenant", text("tenant")),
        ("team", text("team")),
        ("user", text("user")),
        ("models", listed(&vkey["models"], "all")),
        ("operations", listed(&vkey["operations"], "all")),
        ("addresses", listed(&vkey["addresses"], "all")),
        ("client gone", text("on_disconnect")),
        ("tags", listed(&vkey["tags"], "none")),
        ("may claim", claims(vkey)),
        ("priority", format!("up to {}", text("priority"))),
        ("tokens", vkey["live_tokens"].to_string()),
        ("old token until", text("grace_ends_at")),
        ("created", text("created_at")),
        ("not before", text("not_before")),
        ("expires", vkey["expires_at"].as_str().unwrap_or("never").to_owned()),
        ("revision", vkey["revision"].to_string()),
    ]);
}
