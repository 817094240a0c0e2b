//! `keyward key add`.

use std::path::PathBuf;

use keyward_admin::client::Ask;
use keyward_domain::secret::Secret;
use serde_json::{Value, json};

use super::terms::Terms;
use crate::cli::argv::INSTEAD;
use crate::cli::failure::{Exit, Failure};
use crate::cli::prompt;
use crate::cli::session::{Session, present};

/// Which key.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The provider: one that exists, or one known by name (openai, anthropic, gemini, groq, ...), which is then added.
    provider: String,
    /// What to call it [default: `default`, then key-2, key-3, ...].
    #[arg(long)]
    name: Option<String>,
    /// Read the key from this file instead of the prompt or stdin.
    #[arg(long, value_name = "FILE")]
    from_file: Option<PathBuf>,
    /// Read the key from this environment variable.
    #[arg(long, value_name = "VARIABLE", conflicts_with = "from_file")]
    from_env: Option<String>,
    /// For servers that want no key.
    #[arg(long, conflicts_with_all = ["from_file", "from_env"])]
    no_secret: bool,
    /// Do not ask the provider whether the key works; it stays pending until it is tested.
    #[arg(long)]
    no_check: bool,
    #[command(flatten)]
    terms: Terms,
    /// Only here to be refused with a hint.
    #[arg(hide = true)]
    unexpected: Vec<String>,
}

pub fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    if !args.unexpected.is_empty() {
        // Not repeated: it may be the key.
        return Err(Failure::usage(format!("a key is never taken from the arguments: {INSTEAD}")));
    }
    let terms = args.terms.fields()?;
    let terms = (!terms.is_empty()).then_some(Value::Object(terms));
    let secret = secret(args, session)?;
    ensure_provider(&args.provider, session)?;
    let body =
        present(json!({ "provider": args.provider, "name": args.name, "check": !args.no_check, "terms": terms }));
    let ask = Ask::post(&["keys"]).body(body);
    let ask = match secret {
        Some(secret) => ask.secret(secret),
        None => ask,
    };
    let key = session.call(ask)?;
    session.output.show(&key, |output, key| {
        super::finding(output, key);
        output.line(&verdict(key));
    });
    match key["proof"]["finding"].as_str() {
        Some("valid") | None => Ok(()),
        Some(_) => Err(Failure { exit: Exit::Found, message: String::new() }),
    }
}

fn secret(args: &Args, session: &Session) -> Result<Option<Secret>, Failure> {
    if args.no_secret {
        return Ok(None);
    }
    if let Some(variable) = &args.from_env {
        let value = session.environment.get(variable);
        let value = value.ok_or_else(|| Failure::usage(format!("the variable `{variable}` is not set")))?;
        return Ok(Some(Secret::from(value.to_owned())));
    }
    prompt::secret("provider key", args.from_file.as_deref()).map(Some)
}

/// A provider that is known by name is added on the way, so that the first key needs one command.
fn ensure_provider(provider: &str, session: &Session) -> Result<(), Failure> {
    let Some(preset) = keyward_provider::preset(provider) else { return Ok(()) };
    if session.find(Ask::get(&["providers", preset.name]))?.is_none() {
        session.call(Ask::post(&["providers"]).body(json!({ "preset": preset.name })))?;
        session.output.note(&format!("Added the provider `{}` ({}).", preset.name, preset.base_url));
    }
    Ok(())
}

fn verdict(key: &Value) -> String {
    let models = key["model_count"].as_u64().unwrap_or(0);
    match key["state"].as_str().unwrap_or_default() {
        "active" => format!("The key is in use; it offers {models} models."),
        "pending" => "The key is kept but not in use yet: `keyward key test` asks the provider again.".to_owned(),
        _ => "The key is kept but not in use, because the provider does not accept it.".to_owned(),
    }
}
