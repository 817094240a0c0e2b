//! `keyward strategy test`.

use keyward_admin::client::Ask;
use keyward_domain::routing::Strategy;
use serde_json::{Value, json};

use crate::cli::failure::Failure;
use crate::cli::health::percent;
use crate::cli::output::{Output, Tone, clean};
use crate::cli::session::{Session, present};

/// How wide a share of everything is drawn, in characters.
const BAR: u64 = 40;

/// Which strategy, for which model.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The model: an alias, `provider/model`, or a bare name. Left out: of every provider the one that most keys have.
    model: Option<String>,
    /// The strategy: adaptive, round_robin, least_used, weighted, health_based, cost_optimized, latency, random or
    /// single. Left out: the one in use.
    strategy: Option<String>,
    /// How many calls are drawn.
    #[arg(long, value_name = "NUMBER", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    draws: u32,
    /// What chance begins with; the same seed gives the same answer.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
}

pub fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let (model, strategy) = sorted_out(args);
    if let Some(word) = strategy.filter(|word| Strategy::parse(word).is_none()) {
        let known = Strategy::ALL.map(Strategy::as_str).join(", ");
        return Err(Failure::usage(format!("`{}` is not a strategy; there are {known}", clean(word))));
    }
    let body = present(json!({ "model": model, "strategy": strategy, "draws": args.draws, "seed": args.seed }));
    let shares = session.call(Ask::post(&["routes", "simulate"]).body(body))?;
    session.output.show(&shares, print);
    Ok(())
}

/// One word alone may be either.
fn sorted_out(args: &Args) -> (Option<&str>, Option<&str>) {
    match (args.model.as_deref(), args.strategy.as_deref()) {
        (Some(word), None) if Strategy::parse(word).is_some() => (None, Some(word)),
        both => both,
    }
}

fn print(output: Output, shares: &Value) {
    let pools = shares["pools"].as_array().map_or(&[][..], Vec::as_slice);
    if pools.is_empty() {
        output.line("There is no pool with keys to simulate. `keyward key add openai` adds a first key.");
    }
    for pool in pools {
        of_pool(output, pool, &shares["draws"]);
    }
}

fn of_pool(output: Output, pool: &Value, draws: &Value) {
    let text = |field: &str| clean(pool[field].as_str().unwrap_or_default());
    let is_same = pool["current"] == pool["strategy"];
    let beside = if is_same { "the one in use".to_owned() } else { format!("in use: {}", text("current")) };
    let name = format!("{}/{}", text("provider"), text("model"));
    output.line(&format!(
        "{}: {} ({beside}), {draws} calls drawn",
        output.paint(Tone::Strong, &name),
        text("strategy")
    ));
    let shares = pool["shares"].as_array().map_or(&[][..], Vec::as_slice);
    let width = shares.iter().filter_map(|share| share["name"].as_str()).map(str::len).max().unwrap_or(0);
    for share in shares {
        let name = clean(share["name"].as_str().unwrap_or_default());
        let permille = share["permille"].as_u64().unwrap_or(0);
        let before = if is_same { String::new() } else { format!("  now {:>6}", percent(&share["current_permille"])) };
        let room = share["room_permille"].as_u64();
        let room =
            room.map_or_else(|| "too little left".to_owned(), |_| format!("{} left", percent(&share["room_permille"])));
        let line = format!(
            "  {name:width$}  {} {:>6}{before}  {}",
            output.paint(Tone::Good, &bar(permille)),
            percent(&share["permille"]),
            output.paint(Tone::Faint, &room)
        );
        output.line(&line);
    }
    let unserved = pool["unserved"].as_u64().unwrap_or(0);
    if shares.is_empty() || unserved > 0 {
        let line = format!("  {unserved} of {draws} calls would find no key: see `keyward route explain {name}`.");
        output.line(&output.paint(Tone::Warning, &line));
    }
}

/// A share as a bar that is always as wide as the whole.
fn bar(permille: u64) -> String {
    let filled = (permille * BAR).div_ceil(1000).min(BAR);
    (0..BAR).map(|place| if place < filled { '\u{2588}' } else { '\u{b7}' }).collect()
}
