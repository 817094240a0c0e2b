//! Provider keys that are already on this machine: found, shown by name, and put to use when the operator agrees.

use std::path::Path;

use keyward_admin::client::{Ask, Door};
use keyward_source::{Base, DotEnv, Found, FoundIn, discover, left_out};
use serde_json::{Value, json};

use super::{Args, elsewhere};
use crate::cli::failure::Failure;
use crate::cli::output::{Output, Tone};
use crate::cli::session::Session;
use crate::cli::{key, prompt};

/// What became of the keys on this machine.
#[derive(Debug, Default)]
pub struct Discovered {
    /// Keys that were added, as the control plane shows them.
    pub keys: Vec<Value>,
    /// Variables that were found and not used, each with the reason.
    pub left_out: Vec<Value>,
}

/// Finds keys and adds those that are wanted.
pub fn run(args: &Args, session: &Session, door: &Door) -> Result<Discovered, Failure> {
    let output = session.output;
    let files = dot_env(&args.env_file, output);
    let found = discover(session.environment.all(), &files);
    let unusable = left_out(session.environment.all(), &files);
    if found.is_empty() && unusable.is_empty() {
        return Ok(Discovered::default());
    }
    output.note("  Provider keys found on this machine:");
    let mut discovered = Discovered::default();
    for found in found {
        output.note(&format!("    {}", described(&found)));
        let mut about = about(found.provider_name, &found.variable, &found.place);
        match offer(args, session, door, found)? {
            Offered::Added(key) => {
                if !output.json {
                    key::finding(output, &key);
                }
                discovered.keys.push(key);
            }
            Offered::Unusable(why) => {
                output.note(&format!("      {}", output.paint(Tone::Warning, &format!("left out: {why}"))));
                about["reason"] = Value::from(why);
                discovered.left_out.push(about);
            }
            Offered::Unwanted => {}
        }
    }
    for unusable in unusable {
        let mut about = about(unusable.provider_name, &unusable.variable, &unusable.place);
        output.note(&format!("    {} ({}) in {}", unusable.provider_name, unusable.variable, place(&unusable.place)));
        output.note(&format!("      {}", output.paint(Tone::Warning, &format!("left out: {}", unusable.reason))));
        about["reason"] = Value::from(unusable.reason);
        discovered.left_out.push(about);
    }
    Ok(discovered)
}

/// A file that cannot be read is left out, and said to be.
fn dot_env(path: &Path, output: Output) -> Vec<DotEnv> {
    match DotEnv::read(path) {
        Ok(file) => {
            let files: Vec<DotEnv> = file.into_iter().collect();
            for line in files.iter().flat_map(|file| &file.skipped) {
                output.note(&format!("  {}: line {line} is no `NAME=value`; it is left out", path.display()));
            }
            files
        }
        Err(error) => {
            output.note(&format!("  {error}; it is left out"));
            Vec::new()
        }
    }
}

/// What became of one key.
enum Offered {
    Added(Value),
    Unusable(String),
    Unwanted,
}

/// One bad key does not stop the others.
fn offer(args: &Args, session: &Session, door: &Door, found: Found) -> Result<Offered, Failure> {
    if !found.supported {
        return Ok(Offered::Unusable(found.note.unwrap_or_default()));
    }
    if let Some(base) = elsewhere::find(session, door, &found)? {
        return Ok(offer_elsewhere(args, session, door, found, &base));
    }
    if !wanted(args, &found)? {
        return Ok(Offered::Unwanted);
    }
    Ok(added(add(session, door, found)))
}

/// A key that goes with another place than its provider's.
fn offer_elsewhere(args: &Args, session: &Session, door: &Door, found: Found, base: &Base) -> Offered {
    let provider = if args.yes { Ok(None) } else { elsewhere::wanted(session, door, &found, base) };
    match provider {
        Ok(Some(provider)) => added(seal(session, door, &provider, found)),
        Ok(None) => Offered::Unusable(elsewhere::reason(&found, base, &place(&base.place))),
        Err(failure) => Offered::Unusable(failure.message),
    }
}

fn added(key: Result<Value, Failure>) -> Offered {
    key.map_or_else(|failure| Offered::Unusable(failure.message), Offered::Added)
}

/// By name and variable, never the key.
fn described(found: &Found) -> String {
    let mut text = format!("{} ({}) in {}", found.provider_name, found.variable, place(&found.place));
    let also = found.also_in.iter().map(|also| format!(", the same as {also}"));
    let looks = found.looks_like().map(|other| format!("; it looks like a key of {other}"));
    let note = found.note.as_ref().filter(|_| found.supported).map(|note| format!("; {note}"));
    text.extend(also.chain(looks).chain(note));
    text
}

fn place(place: &FoundIn) -> String {
    match place {
        FoundIn::Environment => "the environment".to_owned(),
        FoundIn::DotEnv(path) => path.display().to_string(),
    }
}

fn about(provider: &str, variable: &str, found_in: &FoundIn) -> Value {
    json!({ "provider": provider, "variable": variable, "place": place(found_in) })
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
    seal(session, door, provider, found)
}

fn seal(session: &Session, door: &Door, provider: &str, found: Found) -> Result<Value, Failure> {
    let body = json!({ "provider": provider, "name": found.key_name });
    session.call_through(door, Ask::post(&["keys"]).body(body).secret(found.secret))
}
