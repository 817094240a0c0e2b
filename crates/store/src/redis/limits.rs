//! How limits are written for the scripts: the names of keys, and whole numbers that a script can hold.

use keyward_domain::budget::Mode;
use keyward_domain::limit::{Limit, LimitPeriod, Meter};
use keyward_domain::port::{Amounts, Ask, Level, Mark, Part};
use keyward_domain::scope::Scope;

use super::options::PREFIX;
use super::places::KEPT;

/// Scripts count in 64-bit floats, which hold whole numbers below this.
const MOST: u64 = (1 << 53) - 1;
/// The longest time that they add to the clock: 142 years, in microseconds.
const MOST_MICROS: u64 = 1 << 52;
/// Slots of a window; the scripts know the same number.
const SLOTS: u64 = 32;

/// The five arguments of one limit.
pub(super) type Arguments = [String; 5];

/// What becomes of what was taken.
#[derive(Debug, Clone, Copy)]
pub(super) enum End {
    /// All of it is given back.
    Undone,
    /// This much was used.
    Settled(Amounts),
}

/// What must be on the same server: the tag decides which one that is in a cluster.
pub(super) fn tag(limit: &Limit) -> String {
    format!("{PREFIX}{{t:{}}}", limit.tenant)
}

/// The key of a limit's counter. A limit that is counted another way has another one.
pub(super) fn key(limit: &Limit, scope: &Scope) -> String {
    let kind = match kind(limit) {
        Kind::Places => "p",
        Kind::Window => "w",
        Kind::Bucket => "b",
    };
    let (meter, period) = (limit.meter.as_str(), period(limit).as_str());
    format!("{}:{kind}:{}:{meter}:{period}:{}:{}", tag(limit), limit.id, scope.kind().as_str(), scope.key())
}

/// What to take.
pub(super) fn take(ask: &Ask) -> Arguments {
    let limit = &*ask.limit;
    let (kind, amount, most, length) = match kind(limit) {
        Kind::Places => ("places", ask.amount, limit.quota, millis(KEPT)),
        Kind::Window => ("window", ask.amount.min(MOST), limit.quota.min(MOST), slot(limit)),
        Kind::Bucket => ("bucket", micros(limit, ask.amount), micros(limit, ask.most()), length(limit)),
    };
    let enforced = if limit.mode == Mode::Enforce { "1" } else { "0" };
    [kind.to_owned(), amount.to_string(), most.to_string(), length.to_string(), enforced.to_owned()]
}

/// What to give back or to owe; nothing when it stays as it is.
pub(super) fn give(part: &Part, end: End) -> Option<Arguments> {
    let Mark::Shared { noted, .. } = part.mark else { return None };
    let (ask, limit) = (&part.ask, &*part.ask.limit);
    let is = match end {
        End::Undone => 0,
        End::Settled(used) => used.of(limit.meter),
    };
    let (kind, change, second, length) = match kind(limit) {
        Kind::Places => ("places", String::from("0"), 0, 0),
        Kind::Window => ("window", change(ask.amount.min(MOST), is.min(MOST))?, noted, slot(limit)),
        Kind::Bucket => {
            let change = change(micros(limit, ask.amount), micros(limit, is))?;
            ("bucket", change, micros(limit, ask.most()), length(limit))
        }
    };
    Some([kind.to_owned(), change, second.to_string(), length.to_string(), String::from("0")])
}

/// Where a counter stands, from what a script says is used (of the quota, or in microseconds) and when all is free.
pub(super) fn level(ask: &Ask, used: u64, free_micros: u64) -> Level {
    let limit = &*ask.limit;
    let reset = std::time::Duration::from_micros(free_micros);
    if kind(limit) != Kind::Bucket {
        return Level { used, remaining: limit.quota.saturating_sub(used), reset };
    }
    let left = micros(limit, ask.most()).saturating_sub(used);
    let amount = |micros: u64| u128::from(micros) * u128::from(limit.quota);
    let period = u128::from(length(limit));
    Level { used: capped(amount(used).div_ceil(period)), remaining: capped(amount(left) / period), reset }
}

/// Whether the limit counts calls in flight.
pub(super) fn is_places(limit: &Limit) -> bool {
    kind(limit) == Kind::Places
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Places,
    Window,
    Bucket,
}

fn kind(limit: &Limit) -> Kind {
    match limit.meter {
        Meter::Concurrency => Kind::Places,
        _ if limit.burst.is_some() => Kind::Bucket,
        _ => Kind::Window,
    }
}

/// A limit on what passes that names no period is read as one per day: the strictest reading.
pub(super) fn period(limit: &Limit) -> LimitPeriod {
    limit.period.unwrap_or(LimitPeriod::Day)
}

/// The period in microseconds.
fn length(limit: &Limit) -> u64 {
    u64::try_from(period(limit).length().as_micros()).unwrap_or(MOST_MICROS)
}

fn slot(limit: &Limit) -> u64 {
    length(limit) / SLOTS
}

/// How long an amount takes to flow off, rounded up: a limit is never exceeded by rounding.
fn micros(limit: &Limit, amount: u64) -> u64 {
    let exact = (u128::from(amount) * u128::from(length(limit))).div_ceil(u128::from(limit.quota.max(1)));
    capped(exact).min(MOST_MICROS)
}

fn change(was: u64, is: u64) -> Option<String> {
    match is.checked_sub(was) {
        Some(0) => None,
        Some(more) => Some(more.to_string()),
        None => Some(format!("-{}", was - is)),
    }
}

fn millis(length: std::time::Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(MOST)
}

fn capped(amount: u128) -> u64 {
    u64::try_from(amount).unwrap_or(u64::MAX)
}
