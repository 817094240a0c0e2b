//! `keyward model alias`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::cli::failure::Failure;
use crate::cli::session::{Session, delete, present, put};
use crate::cli::table::Table;

/// What to do.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// List aliases.
    List,
    /// Create an alias, or change what it stands for.
    Set(Set),
    /// Remove an alias.
    Remove {
        /// What clients send as `model`.
        name: String,
    },
}

/// What an alias stands for.
#[derive(Debug, clap::Args)]
pub struct Set {
    /// What clients send as `model`.
    name: String,
    /// `provider/model`, in order of preference.
    #[arg(required = true)]
    targets: Vec<String>,
    /// In which order they are tried: listed, weighted, cost_optimized or latency [default: as before, else listed].
    #[arg(long, value_name = "NAME")]
    strategy: Option<String>,
    /// Share of the calls of each target in their order, such as 3,1; means `--strategy weighted`.
    #[arg(long, value_name = "NUMBERS", value_delimiter = ',')]
    weights: Option<Vec<u64>>,
    /// `provider/model` to go on to when the targets cannot serve. Fallbacks take the place of all before.
    #[arg(long, value_name = "TARGET", value_delimiter = ',')]
    fallback: Vec<String>,
    /// The same for one kind of trouble: context_too_long, content_policy or overloaded.
    #[arg(long, value_name = "TROUBLE=TARGET")]
    fallback_on: Vec<String>,
    /// Take its fallbacks away.
    #[arg(long, conflicts_with_all = ["fallback", "fallback_on"])]
    no_fallback: bool,
}

pub fn run(verb: Verb, session: &Session) -> Result<(), Failure> {
    match verb {
        Verb::List => list(session),
        Verb::Set(args) => set(&args, session),
        Verb::Remove { name } => remove(&name, session),
    }
}

fn list(session: &Session) -> Result<(), Failure> {
    let aliases = session.list(&["aliases"], &[])?;
    session.output.show(&aliases, |output, aliases| {
        let mut table = Table::of(&["ALIAS", "STANDS FOR", "STRATEGY", "FALLBACK"]);
        for alias in aliases.as_array().into_iter().flatten() {
            let text = |field: &str| alias[field].as_str().unwrap_or_default().to_owned();
            table.row([text("name"), stands_for(alias), text("strategy"), falls_back_to(alias)]);
        }
        output.table(&table, "There are no aliases. `keyward model alias set fast openai/gpt-4o-mini` makes one.");
    });
    Ok(())
}

fn set(args: &Set, session: &Session) -> Result<(), Failure> {
    let body = present(json!({
        "targets": args.targets,
        "strategy": args.strategy,
        "weights": args.weights,
        "fallback": fallback(args)?,
    }));
    let alias = session.call(put(&["aliases", &args.name], body))?;
    session.output.show(&alias, |output, alias| {
        output.line(&format!("`{}` stands for {}.", args.name, stands_for(alias)));
        let fallbacks = falls_back_to(alias);
        if !fallbacks.is_empty() {
            output.line(&format!("When these cannot serve: {fallbacks}."));
        }
    });
    Ok(())
}

/// The fallbacks by what stands in the way; null when none were said, so that those before stay.
fn fallback(args: &Set) -> Result<Value, Failure> {
    if args.fallback.is_empty() && args.fallback_on.is_empty() {
        return Ok(if args.no_fallback { json!({}) } else { Value::Null });
    }
    let mut by_trouble: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for target in &args.fallback {
        by_trouble.entry("any").or_default().push(target);
    }
    for said in &args.fallback_on {
        let parts = said.split_once('=');
        let (trouble, target) =
            parts.ok_or_else(|| Failure::usage("write it as `--fallback-on context_too_long=provider/model`"))?;
        by_trouble.entry(trouble).or_default().push(target);
    }
    Ok(json!(by_trouble))
}

/// The targets as a reader would say them: in turn, or with their shares.
fn stands_for(alias: &Value) -> String {
    let targets = texts(&alias["targets"]);
    let weights: Vec<u64> = alias["weights"].as_array().into_iter().flatten().filter_map(Value::as_u64).collect();
    if alias["strategy"] == "listed" {
        return targets.join(", then ");
    }
    if weights.is_empty() {
        return targets.join(", ");
    }
    targets.iter().zip(weights).map(|(target, weight)| format!("{target} ({weight})")).collect::<Vec<_>>().join(", ")
}

fn falls_back_to(alias: &Value) -> String {
    let each = alias["fallback"].as_object().into_iter().flatten().map(|(trouble, targets)| {
        let targets = texts(targets).join(", then ");
        if trouble == "any" { targets } else { format!("on {trouble} {targets}") }
    });
    each.collect::<Vec<_>>().join("; ")
}

fn texts(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

fn remove(name: &str, session: &Session) -> Result<(), Failure> {
    let removed = session.call(delete(&["aliases", name]))?;
    session.output.show(&removed, |output, _| output.line(&format!("Removed the alias `{name}`.")));
    Ok(())
}
