//! Provider keys that are already on this machine: found, shown by name, and put to use when the operator agrees.

use keyward_admin::client::{Ask, Door};
use keyward_source::{DotEnv, Found, FoundIn, discover};
use serde_json::{Value, json};

use super::Args;
use crate::cli::failure::Failure;
use crate::cli::output::Tone;
use crate::cli::session::Session;
use crate::cli::{key, prompt};

/// Finds keys and adds those that are wanted. Gives what was added.
pub fn run(args: &Args, session: &Session, door: &Door) -> Result<Vec<Value>, Failure> {
    let output = session.output;
    let files = match DotEnv::read(&args.env_file) {
        Ok(file) => file.into_iter().collect::<Vec<_>>(),
        Err(error) => {
            output.note(&format!("  {error}; it is left out"));
            Vec::new()
        }
    };
    let found = discover(session.environment.all(), &files);
    if found.is_empty() {
        return Ok(Vec::new());
    }
    output.note("  Provider keys found on this machine:");
    let mut added = Vec::new();
    for found in found {
        output.note(&format!("    {}", described(&found)));
        if found.supported && wanted(args, &found)? {
            match add(session, door, found) {
                Ok(key) => {
                    if !output.json {
                        key::finding(output, &key);
                    }
                    added.push(key);
                }
                // One bad key does not stop the others.
                Err(failure) => output.note(&format!("      {}", output.paint(Tone::Warning, &failure.message))),
            }
        }
    }
    Ok(added)
}

/// By name and variable, never the key.
fn described(found: &Found) -> String {
    let place = match &found.place {
        FoundIn::Environment => "the environment".to_owned(),
        FoundIn::DotEnv(path) => path.display().to_string(),
    };
    let mut text = format!("{} ({}) in {place}", found.provider_name, found.variable);
    let also = found.also_in.iter().map(|also| format!(", the same as {also}"));
    let looks = found.looks_like().map(|other| format!("; it looks like a key of {other}"));
    let note = found.note.as_ref().map(|note| format!("; {note}"));
    text.extend(also.chain(looks).chain(note));
    text
}

fn wanted(args: &Args, found: &Found) -> Result<bool, Failure> {
    if args.yes {
        return Ok(true);
    }
    prompt::confirm(&format!("    Seal this key as `{}/{}` and test it?", found.provider_name, found.key_name), true)
}

fn add(session: &Session, door: &Door, found: Found) -> Result<Value, Failure> {
    let provider = found.provider_name;
    if session.find_through(door, Ask::get(&["providers", provider]))?.is_none() {
        session.call_through(door, Ask::post(&["providers"]).body(json!({ "preset": provider })))?;
    }
    let body = json!({ "provider": provider, "name": found.key_name });
    session.call_through(door, Ask::post(&["keys"]).body(body).secret(found.secret))
}
