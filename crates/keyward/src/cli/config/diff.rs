//! `keyward config diff`.

use serde_json::json;

use super::difference::Difference;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::config;
use crate::wire::applied;

/// Nothing to choose.
#[derive(Debug, clap::Args)]
pub struct Args {}

pub fn run(_: &Args, session: &Session) -> Result<(), Failure> {
    let (_, text) = session.config_and_text()?;
    let Some(before) = applied::read(&session.home)? else {
        return Err(Failure::failed(
            "no server has taken a config over in this home yet, so there is nothing to compare with",
        ));
    };
    let differences = Difference::between(&config::fields_of(&before), &config::fields_of(&text));
    let value = json!({ "differences": differences.iter().map(Difference::as_json).collect::<Vec<_>>() });
    session.output.show(&value, |output, _| {
        for difference in &differences {
            difference.print(output);
        }
        if differences.is_empty() {
            output.line("The file is the one in effect.");
        }
    });
    if differences.is_empty() { Ok(()) } else { Err(Failure::found()) }
}
