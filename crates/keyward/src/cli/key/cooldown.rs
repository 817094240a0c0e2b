//! `keyward key cooldown`.

use keyward_admin::client::Ask;
use serde_json::json;

use crate::cli::failure::Failure;
use crate::cli::session::{Session, delete, present};

/// What to do.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Let a key rest: it gets no new calls until a time, and is back then by itself.
    Set(SetArgs),
    /// End a key's rest at once, whatever it was for.
    Clear(ClearArgs),
}

/// Which key, and how long.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("end").required(true).args(["length", "until"])))]
pub struct SetArgs {
    /// Its name, `provider/name` or id.
    key: String,
    /// For how long: 30s, 10m, 2h, 1d.
    #[arg(long = "for", value_name = "LENGTH")]
    length: Option<String>,
    /// Until when: a date or a moment in UTC, such as 2026-11-20T18:00:00Z.
    #[arg(long, value_name = "WHEN")]
    until: Option<String>,
}

/// Which key.
#[derive(Debug, clap::Args)]
pub struct ClearArgs {
    /// Its name, `provider/name` or id.
    key: String,
}

pub fn run(verb: Verb, session: &Session) -> Result<(), Failure> {
    match verb {
        Verb::Set(args) => set(&args, session),
        Verb::Clear(args) => clear(&args, session),
    }
}

fn set(args: &SetArgs, session: &Session) -> Result<(), Failure> {
    let body = present(json!({ "for": args.length, "until": args.until }));
    let key = session.call(Ask::post(&["keys", &args.key, "cooldown"]).body(body))?;
    session.output.show(&key, |output, key| {
        let until = key["health"]["until"].as_str().unwrap_or_default();
        output.line(&format!("{} rests until {until}.", super::full_name(key)));
    });
    Ok(())
}

fn clear(args: &ClearArgs, session: &Session) -> Result<(), Failure> {
    let key = session.call(delete(&["keys", &args.key, "cooldown"]))?;
    session.output.show(&key, |output, key| {
        let state = key["state"].as_str().unwrap_or_default();
        let used = if state == "active" { "it is used again".to_owned() } else { format!("it is {state}") };
        output.line(&format!("Nothing is held against {} any more; {used}.", super::full_name(key)));
    });
    Ok(())
}
