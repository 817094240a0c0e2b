//! `keyward provider update`.

use std::path::PathBuf;

use keyward_admin::client::Ask;
use serde_json::json;

use crate::cli::failure::Failure;
use crate::cli::session::{Session, patch, present};

/// What to change.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Its name or id.
    provider: String,
    /// A new name.
    #[arg(long)]
    name: Option<String>,
    /// A new base URL. On another host, port or scheme its keys have to be entered again.
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    /// Whether models without a price cost nothing here.
    #[arg(long, value_name = "true|false")]
    free: Option<bool>,
    /// Which part of the price catalog describes it.
    #[arg(long, value_name = "NAME")]
    catalog: Option<String>,
    /// How a key is chosen: adaptive, round_robin, least_used, weighted, health_based, cost_optimized, latency, random
    /// or single.
    #[arg(long, value_name = "NAME")]
    strategy: Option<String>,
    /// How many calls it is sent at once: adaptive, off, or a number that is never exceeded.
    #[arg(long, value_name = "NUMBER")]
    concurrency: Option<String>,
    /// What its answers mean, before the tables that are built in: a file with a list of rules, as in the config
    /// file, in place of those before. An empty list takes them away.
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,
    /// Whether calls may be routed to it.
    #[arg(long, value_name = "true|false")]
    enabled: Option<bool>,
}

pub fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let body = present(json!({
        "name": args.name, "base_url": args.base_url, "free": args.free, "catalog": args.catalog,
        "strategy": args.strategy, "concurrency": args.concurrency, "rules": super::rules(args.rules.as_deref())?,
    }));
    let changes_fields = body.as_object().is_some_and(|body| !body.is_empty());
    if !changes_fields && args.enabled.is_none() {
        return Err(Failure::usage(
            "say what to change: --name, --base-url, --free, --catalog, --strategy, --concurrency, --rules or \
             --enabled",
        ));
    }
    let mut provider = serde_json::Value::Null;
    if let Some(enabled) = args.enabled {
        let verb = if enabled { "enable" } else { "disable" };
        provider = session.call(Ask::post(&["providers", &args.provider, verb]))?;
    }
    if changes_fields {
        provider = session.call(patch(&["providers", &args.provider], body))?;
    }
    session.output.show(&provider, super::describe);
    Ok(())
}
