//! The comparison, as a table and as what must hold.

use std::fmt;

use super::fleet::Fleet;
use super::tally::Tally;

/// Every strategy beside the others.
pub struct Table<'a> {
    pub tallies: &'a [Tally],
    /// One unlimited key at each provider.
    pub single_key: &'a Tally,
    pub fleet: &'a Fleet,
}

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "| strategy | served | wasted calls per 1,000 | avoidable | cache hits | of one key's | p99 added wait | mean added wait | cost per 1,000 | busiest key |"
        )?;
        writeln!(f, "|---|---|---|---|---|---|---|---|---|---|")?;
        for tally in self.tallies {
            writeln!(f, "{}", self.row(tally))?;
        }
        Ok(())
    }
}

impl Table<'_> {
    fn row(&self, tally: &Tally) -> String {
        let served = percent(tally.served, tally.calls(), 3);
        let wasted = decimal(tally.waste() * 100_000, tally.calls(), 2);
        let avoidable = decimal(tally.avoidable_waste() * 100_000, tally.calls(), 2);
        let hits = percent(tally.cached, tally.cacheable, 1);
        let of_one = decimal(hit_rate(tally) * 1_000, hit_rate(self.single_key), 1);
        let p99 = decimal(tally.p99_wait(), 1, 3);
        let mean = decimal(tally.whole_wait(), tally.served, 0);
        let cost = decimal(tally.cost_nanodollars, tally.served * 10_000, 2);
        let busiest = decimal(tally.busiest(self.fleet), 10, 2);
        let name = tally.strategy.as_str();
        format!(
            "| `{name}` | {served} | {wasted} | {avoidable} | {hits} | {of_one} % | {p99} s | {mean} ms | ${cost} | {busiest} x |"
        )
    }
}

/// Cached per cacheable tokens, in millionths.
pub fn hit_rate(tally: &Tally) -> u64 {
    tally.cached * 1_000_000 / tally.cacheable.max(1)
}

fn percent(part: u64, whole: u64, digits: u32) -> String {
    format!("{} %", decimal(part * 100 * 10_u64.pow(digits), whole, digits))
}

/// A quotient that counts the last of so many digits after the point.
fn decimal(number: u64, by: u64, digits: u32) -> String {
    let one = 10_u64.pow(digits);
    let value = number / by.max(1);
    if digits == 0 {
        return value.to_string();
    }
    let width = usize::try_from(digits).unwrap_or(0);
    format!("{}.{:0width$}", value / one, value % one)
}
