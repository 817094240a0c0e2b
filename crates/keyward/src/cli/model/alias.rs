//! `keyward model alias`.

use serde_json::json;

use crate::cli::failure::Failure;
use crate::cli::session::{Session, delete, put};
use crate::cli::table::Table;

/// What to do.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// List aliases.
    List,
    /// Create an alias, or change what it stands for.
    Set {
        /// What clients send as `model`.
        name: String,
        /// `provider/model`, in order of preference.
        #[arg(required = true)]
        targets: Vec<String>,
    },
    /// Remove an alias.
    Remove {
        /// What clients send as `model`.
        name: String,
    },
}

pub fn run(verb: Verb, session: &Session) -> Result<(), Failure> {
    match verb {
        Verb::List => list(session),
        Verb::Set { name, targets } => set(&name, &targets, session),
        Verb::Remove { name } => remove(&name, session),
    }
}

fn list(session: &Session) -> Result<(), Failure> {
    let aliases = session.list(&["aliases"], &[])?;
    session.output.show(&aliases, |output, aliases| {
        let mut table = Table::of(&["ALIAS", "STANDS FOR"]);
        for alias in aliases.as_array().into_iter().flatten() {
            let targets = alias["targets"].as_array().into_iter().flatten().filter_map(serde_json::Value::as_str);
            let targets = targets.collect::<Vec<_>>().join(", then ");
            table.row([alias["name"].as_str().unwrap_or_default().to_owned(), targets]);
        }
        output.table(&table, "There are no aliases. `keyward model alias set fast openai/gpt-4o-mini` makes one.");
    });
    Ok(())
}

fn set(name: &str, targets: &[String], session: &Session) -> Result<(), Failure> {
    let alias = session.call(put(&["aliases", name], json!({ "targets": targets })))?;
    session.output.show(&alias, |output, _| output.line(&format!("`{name}` stands for {}.", targets.join(", then "))));
    Ok(())
}

fn remove(name: &str, session: &Session) -> Result<(), Failure> {
    let removed = session.call(delete(&["aliases", name]))?;
    session.output.show(&removed, |output, _| output.line(&format!("Removed the alias `{name}`.")));
    Ok(())
}
