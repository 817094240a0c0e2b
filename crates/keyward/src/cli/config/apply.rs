//! `keyward config apply`.

use std::time::Duration;

use keyward_admin::client::Ask;
use serde_json::{Value, json};

use super::difference::Difference;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::config;
use crate::wire::applied;

/// Nothing to choose.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// How long the server may take; it looks at the file every two seconds.
const TRIES: u32 = 50;
const BETWEEN_TRIES: Duration = Duration::from_millis(100);

pub fn run(_: &Args, session: &Session) -> Result<(), Failure> {
    let (_, text) = session.config_and_text()?;
    session.require_server("make a running server take its config file over")?;
    let before = applied::read(&session.home)?.unwrap_or_default();
    let differences = Difference::between(&config::fields_of(&before), &config::fields_of(&text));
    wait(session, &text)?;
    let value =
        json!({ "applied": true, "differences": differences.iter().map(Difference::as_json).collect::<Vec<_>>() });
    session.output.show(&value, |output, _| {
        for difference in &differences {
            difference.print(output);
        }
        output.line(if differences.iter().any(Difference::needs_restart) {
            "The running server has taken over what it can; what is marked takes effect with its next start."
        } else {
            "The running server has taken the config file over."
        });
    });
    Ok(())
}

fn wait(session: &Session, text: &str) -> Result<(), Failure> {
    for _ in 0..TRIES {
        if applied::read(&session.home)?.as_deref() == Some(text) {
            return Ok(());
        }
        session.pause(BETWEEN_TRIES);
    }
    // It says itself what is wrong.
    let status = session.call(Ask::get(&["status"]))?;
    let warnings = status["warnings"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let about = warnings.filter(|warning| warning.contains("config file")).collect::<Vec<_>>().join(" ");
    let about = if about.is_empty() { "does it read the same file?".to_owned() } else { about };
    Err(Failure::failed(format!("the server did not take the file over: {about}")))
}
