//! `keyward key update`.

use serde_json::{Value, json};

use super::terms::{Terms, Without};
use crate::cli::failure::Failure;
use crate::cli::session::{Session, patch, present};

/// What to change; what is not named stays.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Its name, `provider/name` or id.
    key: String,
    /// A new name.
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    terms: Terms,
    #[command(flatten)]
    without: Without,
}

pub fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let mut terms = args.terms.fields()?;
    args.without.take_from(&mut terms);
    if terms.is_empty() && args.name.is_none() {
        return Err(Failure::usage("say what to change, such as --weight, --quota-group, --rpm, --expires or --name"));
    }
    let terms = (!terms.is_empty()).then_some(Value::Object(terms));
    let body = present(json!({ "name": args.name, "terms": terms }));
    let key = session.call(patch(&["keys", &args.key], body))?;
    session.output.show(&key, super::describe);
    Ok(())
}
