//! `cargo xtask simulate pool`: a day of traffic over 50 keys in 12 accounts, in virtual time, for every strategy. The
//! keys are chosen and judged by the real pool; the providers are models of such, and the way of a call from one key to
//! the next mirrors the gateway's.

mod cache;
mod course;
mod day;
mod faults;
mod fleet;
mod judged;
mod page;
mod price;
mod providers;
mod run;
mod table;
mod tally;
mod traffic;
mod verdict;
mod window;

#[cfg(test)]
mod tests;

use anyhow::bail;
use clap::Subcommand;
use keyward_domain::routing::Strategy;

use crate::cargo::cargo;
use crate::command;
use day::Day;
use faults::Faults;
use fleet::Fleet;
use run::World;
use table::Table;
use tally::Tally;

#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// How the strategies of a pool compare over a day on which everything goes wrong that does.
    Pool(PoolArgs),
}

#[derive(clap::Args)]
struct PoolArgs {
    /// What the day's traffic is drawn from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only these strategies, separated by commas.
    #[arg(long, value_delimiter = ',', value_parser = strategy)]
    strategy: Vec<Strategy>,
    /// How many hours the day has; a shorter one has less traffic and shorter faults, but all of them.
    #[arg(long, default_value_t = day::HOURS, value_parser = clap::value_parser!(u32).range(1..=day::HOURS.into()))]
    hours: u32,
    /// Writes the table into docs/concepts/pools.md.
    #[arg(long)]
    markdown: bool,
    /// Says why calls were wasted and why some were not served.
    #[arg(long)]
    explain: bool,
}

/// Compares, prints, and fails when `adaptive` is not what it must be.
pub fn run(args: &Args) -> anyhow::Result<()> {
    if cfg!(debug_assertions) {
        // Ten times as fast.
        let release = ["run", "--quiet", "--release", "--package", "xtask", "--"];
        return command::run(cargo().args(release).args(std::env::args_os().skip(1)));
    }
    let What::Pool(args) = &args.what;
    let strategies = if args.strategy.is_empty() { Strategy::ALL.to_vec() } else { args.strategy.clone() };
    let compared = compare(Day::of_hours(args.hours), args.seed, &strategies);
    let text = format!("{}\n{}", compared.table(), compared.caption(args));
    println!("{text}");
    if args.explain {
        compared.tallies.iter().for_each(|tally| println!("{}", tally.reasons()));
    }
    if args.markdown {
        page::write(&text)?;
    }
    let shortfalls = verdict::shortfalls(&compared);
    if !shortfalls.is_empty() {
        bail!("`adaptive` is not what it must be: {}", shortfalls.join("; "));
    }
    Ok(())
}

/// A comparison.
struct Compared {
    fleet: Fleet,
    tallies: Vec<Tally>,
    single_key: Tally,
    calls: usize,
    /// How many per cent of the first provider's limits the busiest hour asks for.
    load: u64,
}

impl Compared {
    fn table(&self) -> Table<'_> {
        Table { tallies: &self.tallies, single_key: &self.single_key, fleet: &self.fleet }
    }

    fn caption(&self, args: &PoolArgs) -> String {
        let PoolArgs { hours, seed, .. } = args;
        let Self { calls, load, .. } = self;
        format!(
            "`cargo xtask simulate pool --hours {hours} --seed {seed}`: {calls} calls over {} keys in {} accounts. The\n\
             busiest hour asks for {load} % of the tokens that the first provider grants.\n",
            self.fleet.keys.len(),
            self.fleet.accounts.len(),
        )
    }
}

/// The same day with each strategy, and with one unlimited key at each provider.
fn compare(day: Day, seed: u64, strategies: &[Strategy]) -> Compared {
    let calls = traffic::of_day(day, seed);
    let (fleet, faults) = (Fleet::new(), Faults::of_day(day));
    let world = World { day, seed, calls: &calls, fleet: &fleet, faults: &faults };
    let tallies = strategies.iter().map(|strategy| run::run(&world, *strategy)).collect();
    let (unlimited, faults) = (Fleet::unlimited(), Faults::of_providers(day));
    let single_key = run::run(&World { fleet: &unlimited, faults: &faults, ..world }, Strategy::Single);
    let asked = traffic::busiest_hour(day, &calls, providers::SET_ASIDE);
    let granted = fleet.first_tokens_per_minute() * day.hour() / window::MINUTE_MS;
    Compared { single_key, tallies, calls: calls.len(), load: asked * 100 / granted.max(1), fleet }
}

fn strategy(word: &str) -> Result<Strategy, String> {
    Strategy::parse(word).ok_or_else(|| format!("strategies are: {}", Strategy::ALL.map(Strategy::as_str).join(", ")))
}
