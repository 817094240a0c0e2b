//! `keyward provider add`.

use std::path::PathBuf;

use keyward_admin::client::Ask;
use serde_json::json;

use crate::cli::failure::Failure;
use crate::cli::session::{Session, present};

/// Which provider.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A provider known by name (openai, anthropic, gemini, groq, ...), or a name of your own together with --base-url.
    name: String,
    /// Where it is, such as `https://api.example.com/v1`.
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    /// The sort of server: openai, anthropic, gemini, `openai_compatible` or sandbox.
    #[arg(long)]
    kind: Option<String>,
    /// What to call it, when not by its well-known name.
    #[arg(long = "as", value_name = "NAME")]
    called: Option<String>,
    /// Declare it free: models without a price cost nothing here.
    #[arg(long)]
    free: bool,
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
    /// What its answers mean, before the tables that are built in: a file with a list of rules, as in the config file.
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,
}

pub fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let known = keyward_provider::preset(&args.name).is_some();
    // An unknown name without a URL goes out as a preset too: the refusal then lists the names that are known.
    let own = !known && args.base_url.is_some();
    let body = present(json!({
        "preset": (!own).then_some(&args.name),
        "name": args.called.as_ref().or(own.then_some(&args.name)),
        "kind": args.kind,
        "base_url": args.base_url,
        "free": args.free.then_some(true),
        "catalog": args.catalog,
        "strategy": args.strategy,
        "concurrency": args.concurrency,
        "rules": super::rules(args.rules.as_deref())?,
    }));
    let provider = session.call(Ask::post(&["providers"]).body(body))?;
    session.output.show(&provider, |output, provider| {
        let name = provider["name"].as_str().unwrap_or_default();
        output.line(&format!("Added the provider `{name}`. Next: `keyward key add {name}`."));
    });
    Ok(())
}
