//! `keyward init`: the wizard.

mod discovery;
mod elsewhere;
mod first_call;
mod hello;

use std::io::IsTerminal as _;
use std::path::PathBuf;

use keyward_admin::client::{Ask, Door};
use keyward_domain::secret::Secret;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::failure::Failure;
use super::output::Tone;
use super::prompt;
use super::session::Session;
use crate::config::{self, Config, VaultRoot};
use crate::home::write_private;
use crate::wire::{Engine, Unlocking, catalog, found, is_founded};
use discovery::Discovered;
use hello::Hello;

/// How to set up.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Ask nothing: use every provider key that is found.
    #[arg(long)]
    yes: bool,
    /// Do not look for provider keys.
    #[arg(long)]
    no_discovery: bool,
    /// Where to look for provider keys besides the environment.
    #[arg(long, value_name = "FILE", default_value = ".env")]
    env_file: PathBuf,
    /// Protect the vault with a passphrase instead of a root key file. Asked for, or read from --passphrase-file.
    #[arg(long)]
    passphrase: bool,
    /// Read the passphrase from this file.
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// What to call the first virtual key.
    #[arg(long, value_name = "NAME", default_value = "first")]
    vkey: String,
}

pub fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let mut config = session.config()?;
    if is_founded(&session.home, &config) {
        already(session);
        return Ok(());
    }
    let passphrase = passphrase(args, &mut config, session)?;
    let holder = |text: &Zeroizing<String>| Secret::from(text.as_str().to_owned());
    found(&session.home, &config, passphrase.as_ref().map(holder))?;
    if args.passphrase {
        remember_passphrase(session)?;
    }
    let output = session.output;
    let step = |text: &str| {
        if !output.json {
            output.line(text);
        }
    };
    step(&format!("{} in {}", output.paint(Tone::Strong, "A new installation"), session.home.path().display()));
    step(match &config.vault {
        VaultRoot::KeyFile(_) => {
            "  The vault opens with the root key file in there. Back that file up, apart from the store: without it the provider keys are lost."
        }
        VaultRoot::Passphrase => "  The vault opens with your passphrase. Without it the provider keys are lost.",
    });
    let unlocking = passphrase.as_ref().map_or(Unlocking::AsConfigured, |text| Unlocking::Passphrase(holder(text)));
    let engine = Engine::open(&session.home, config, &session.environment, unlocking)?;
    let door = engine.door();

    let token_file = admin_login(session, &door)?;
    step(&format!(
        "  The admin token for the API is in {} (owner only); commands on this machine need none.",
        token_file.display()
    ));
    let discovered = if args.no_discovery { Discovered::default() } else { discovery::run(args, session, &door)? };
    finish(args, session, &engine, &discovered)
}

/// The first virtual key, and everything that was made.
fn finish(args: &Args, session: &Session, engine: &Engine, discovered: &Discovered) -> Result<(), Failure> {
    let door = engine.door();
    let issued = session.call_through(&door, Ask::post(&["vkeys"]).body(json!({ "name": args.vkey })))?;
    let token = issued["token"].as_str().unwrap_or_default();
    // With those of the config file.
    let keys = session.list_through(&door, &["keys"], &[])?;
    let keys = keys.as_array().map_or(&[][..], Vec::as_slice);
    let catalog = catalog::load(&session.home.catalog())?;
    let first = first_call::find(session, &door, &catalog, keys)?;
    let listen = &engine.config.listen;
    let result = json!({
        "home": session.home.path(),
        "admin_token_file": session.home.admin_token(),
        "keys": discovered.keys.iter().map(summary).collect::<Vec<_>>(),
        "left_out": discovered.left_out,
        "vkey": issued["vkey"],
        "token": token,
        "first_model": first.as_ref().map(|first| &first.model),
        "data": listen.data.to_string(),
        "admin": listen.admin.to_string(),
    });
    let hello = Hello { vkey: &args.vkey, token, keys, first: first.as_ref(), data: listen.data };
    session.output.show(&result, |output, _| hello::print(output, &hello));
    Ok(())
}

/// Running it again says so and changes nothing.
fn already(session: &Session) {
    let home = session.home.path();
    let value = json!({ "home": home, "already": true });
    session.output.show(&value, |output, _| {
        output.line(&format!("There already is an installation in {}; nothing was changed.", home.display()));
        output
            .line("`keyward status` shows it, `keyward serve` runs it, `keyward key add openai` adds a provider key.");
    });
}

fn passphrase(args: &Args, config: &mut Config, session: &Session) -> Result<Option<Zeroizing<String>>, Failure> {
    if args.passphrase {
        if session.config_file().0.exists() && config.vault != VaultRoot::Passphrase {
            return Err(Failure::usage(
                "there is a config file that says otherwise: write `vault: { root: passphrase }` into it",
            ));
        }
        config.vault = VaultRoot::Passphrase;
    }
    if config.vault != VaultRoot::Passphrase {
        return Ok(None);
    }
    let file = args.passphrase_file.clone().or_else(|| session.environment.path("KEYWARD_VAULT_PASSPHRASE_FILE"));
    let first = prompt::text("new passphrase", file.as_deref())?;
    if file.is_none() && std::io::stdin().is_terminal() && prompt::text("the same again", None)? != first {
        return Err(Failure::usage("the two passphrases differ; nothing was made"));
    }
    Ok(Some(first))
}

/// A config file that says how the vault opens, so that `serve` knows.
fn remember_passphrase(session: &Session) -> Result<(), Failure> {
    let (file, _) = session.config_file();
    if !file.exists() {
        write_private(&session.home.join(config::FILE_NAME), b"vault: { root: passphrase }\n")?;
    }
    Ok(())
}

/// The admin token goes into a file: on a screen it would end up in somebody's scroll-back.
fn admin_login(session: &Session, door: &Door) -> Result<PathBuf, Failure> {
    let body = json!({ "name": "init", "role": "owner" });
    let issued = session.call_through(door, Ask::post(&["admin-tokens"]).body(body))?;
    let token = issued["token"].as_str().unwrap_or_default();
    let path = session.home.admin_token();
    write_private(&path, format!("{token}\n").as_bytes())?;
    Ok(path)
}

/// `provider/name` and what was found about each key that was added.
fn summary(key: &Value) -> Value {
    json!({ "provider": key["provider"], "name": key["name"], "state": key["state"], "proof": key["proof"] })
}
