//! `keyward config check`.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::cli::failure::{Exit, Failure};
use crate::cli::output::Tone;
use crate::cli::session::Session;
use crate::config::{self, Problem};

/// Which file.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The file to check [default: the config file of the installation].
    file: Option<PathBuf>,
}

pub fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let (file, named) = args.file.clone().map_or_else(|| session.config_file(), |file| (file, true));
    let checked = config::load(&file, named, &session.environment);
    let there = file.exists();
    let output = session.output;
    match checked {
        Ok(config) => {
            let value = json!({ "file": file, "exists": there, "problems": [] });
            output.show(&value, |output, _| {
                let what =
                    if there { file.display().to_string() } else { "There is no config file; the defaults".to_owned() };
                output.line(&format!("{what}: {}", output.paint(Tone::Good, "fine")));
                output.fields(&[
                    ("data plane", config.listen.data.to_string()),
                    ("control plane", config.listen.admin.to_string()),
                    ("providers", config.providers.len().to_string()),
                    ("aliases", config.aliases.len().to_string()),
                ]);
            });
            Ok(())
        }
        Err(error) => {
            let value = json!({ "file": file, "exists": there, "problems": error.problems.iter().map(as_json).collect::<Vec<_>>() });
            output.show(&value, |output, _| output.line(&error.to_string()));
            Err(Failure { exit: Exit::Usage, message: String::new() })
        }
    }
}

fn as_json(problem: &Problem) -> Value {
    json!({ "place": problem.place.as_ref().map(ToString::to_string), "field": problem.field, "message": problem.what })
}
