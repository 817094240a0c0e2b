//! `keyward config check`.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::cli::failure::{Exit, Failure};
use crate::cli::output::Tone;
use crate::cli::session::Session;
use crate::config::{self, Config, Problem};

/// Which file.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The file to check [default: the config file of the installation].
    file: Option<PathBuf>,
}

pub fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let (file, named) = args.file.clone().map_or_else(|| session.config_file(), |file| (file, true));
    let there = file.exists();
    let output = session.output;
    let tell = |problems: &[Problem], text: &str| {
        let problems = problems.iter().map(as_json).collect::<Vec<_>>();
        output.show(&json!({ "file": file, "exists": there, "problems": problems }), |output, _| output.line(text));
    };
    let written = match config::read_file(&file, named) {
        Ok(written) => written,
        Err(unread) => {
            tell(std::slice::from_ref(&unread.problem), &unread.problem.to_string());
            let exit = if unread.missing { Exit::Usage } else { Exit::Failed };
            return Err(Failure { exit, message: String::new() });
        }
    };
    match config::check(&written.text, &written.name, &session.environment) {
        Ok(config) => {
            let outside = outside(&config);
            let value = json!({ "file": file, "exists": there, "problems": [], "outside_providers": outside });
            output.show(&value, |output, _| {
                let what =
                    if there { file.display().to_string() } else { "There is no config file; the defaults".to_owned() };
                output.line(&format!("{what}: {}", output.paint(Tone::Good, "fine")));
                output.fields(&[
                    ("data plane", config.listen.data.to_string()),
                    ("control plane", config.listen.admin.to_string()),
                    ("providers", config.providers.len().to_string()),
                    ("aliases", config.aliases.len().to_string()),
                    ("aliases lead outside to", outside.join(", ")),
                ]);
            });
            Ok(())
        }
        Err(error) => {
            tell(&error.problems, &error.to_string());
            Err(Failure::found())
        }
    }
}

/// Providers that aliases lead to and that the file does not have: they have to be there when the file is taken over, and
/// the file alone does not tell.
fn outside(config: &Config) -> Vec<String> {
    let aliases = config.aliases.iter();
    let targets = aliases.flat_map(|alias| alias.targets.iter().chain(alias.fallback.values().flatten()));
    let named: BTreeSet<&str> = targets.filter_map(|target| target.deployment.split('/').next()).collect();
    let owned = |name: &str| config.providers.iter().any(|provider| provider.name == name);
    named.into_iter().filter(|name| !owned(name)).map(str::to_owned).collect()
}

fn as_json(problem: &Problem) -> Value {
    json!({ "place": problem.place.as_ref().map(ToString::to_string), "field": problem.field, "message": problem.what })
}
