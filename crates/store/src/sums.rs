//! Sums over ledger rows, the same for every store: totals by quarters of an hour on the way in, answers about usage on the way out.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::hash::Hash;

use foldhash::fast::FixedState;
use keyward_domain::ledger::{AttemptOutcome, Dimension, Entry, Figures, Spend, UsageRow};
use keyward_domain::money::Nanodollars;
use keyward_domain::scope::Scope;
use keyward_domain::time::Timestamp;
use keyward_domain::usage::UsageSource;
use keyward_domain::window::{Period, Window, Windows, Zone};

use crate::code::{self, BUCKETS};

/// What is summed. Additions stop at the largest number instead of wrapping: a provider that reports nonsense must not
/// turn a total negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Sums {
    pub(crate) attempts: u64,
    pub(crate) failures: u64,
    pub(crate) estimated: u64,
    /// Negative among corrections alone: what gives an attempt a price takes it away.
    pub(crate) unpriced: i64,
    pub(crate) unsettled: u64,
    pub(crate) cost: Nanodollars,
    pub(crate) buckets: [u64; BUCKETS],
}

/// Sums by any key.
pub(crate) type SumsBy<K> = HashMap<K, Sums, FixedState>;

/// Adds to the sums of one key.
pub(crate) fn add_to<K: Eq + Hash>(sums: &mut SumsBy<K>, key: K, more: &Sums) {
    sums.entry(key).or_default().add(more);
}

impl Sums {
    /// The sums of one row alone.
    pub(crate) fn of(entry: &Entry) -> Self {
        // A correction changes what others cost; nobody was asked.
        let is_attempt = entry.outcome != AttemptOutcome::Correction;
        Self {
            attempts: u64::from(is_attempt),
            failures: u64::from(is_attempt && entry.outcome != AttemptOutcome::Completed),
            estimated: u64::from(matches!(entry.source, UsageSource::Estimated | UsageSource::Partial)),
            unpriced: unpriced(entry),
            unsettled: u64::from(entry.outcome == AttemptOutcome::Unsettled),
            cost: entry.cost.unwrap_or_default(),
            buckets: code::buckets(&entry.usage),
        }
    }

    /// What can be compared with other sums of the same rows.
    pub(crate) fn figures(&self) -> Figures {
        let usage = code::usage(self.buckets);
        Figures {
            attempts: self.attempts,
            cost: self.cost,
            unpriced: self.unpriced(),
            input_tokens: usage.prompt_tokens(),
            output_tokens: usage.completion_tokens(),
        }
    }

    /// Whether nothing was summed.
    pub(crate) fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// Attempts whose price is unknown.
    pub(crate) fn unpriced(&self) -> u64 {
        u64::try_from(self.unpriced).unwrap_or(0)
    }

    /// Adds other sums to these.
    pub(crate) fn add(&mut self, more: &Self) {
        self.attempts = self.attempts.saturating_add(more.attempts);
        self.failures = self.failures.saturating_add(more.failures);
        self.estimated = self.estimated.saturating_add(more.estimated);
        self.unpriced = self.unpriced.saturating_add(more.unpriced);
        self.unsettled = self.unsettled.saturating_add(more.unsettled);
        self.cost = self.cost.saturating_add(more.cost);
        for (bucket, addend) in self.buckets.iter_mut().zip(more.buckets) {
            *bucket = bucket.saturating_add(addend);
        }
    }

    /// The line of the answer that these sums make.
    pub(crate) fn into_row(self, group: Vec<String>) -> UsageRow {
        UsageRow {
            group,
            attempts: self.attempts,
            failures: self.failures,
            usage: code::usage(self.buckets),
            cost: self.cost,
            unpriced: self.unpriced(),
            estimated: self.estimated,
        }
    }
}

impl Sums {
    /// What these sums say of a scope.
    pub(crate) fn into_spend(self, scope: Scope, quarter: Timestamp) -> Spend {
        let usage = code::usage(self.buckets);
        Spend {
            scope,
            quarter,
            attempts: self.attempts,
            cost: self.cost,
            unpriced: self.unpriced(),
            input_tokens: usage.prompt_tokens(),
            output_tokens: usage.completion_tokens(),
        }
    }
}

/// One for an attempt without a price, and one less for the correction that gives it one.
fn unpriced(entry: &Entry) -> i64 {
    i64::from(entry.cost.is_none()) - i64::from(entry.correction().is_some_and(|correction| correction.prices))
}

/// Milliseconds of a quarter of an hour, the finest grain of usage.
const QUARTER_MS: i64 = 900_000;

/// The number of the quarter of an hour that this moment lies in.
pub(crate) fn quarter_number(at: Timestamp) -> i64 {
    at.unix_millis().div_euclid(QUARTER_MS)
}

/// The beginning of the quarter with this number.
pub(crate) fn quarter_beginning(number: i64) -> Timestamp {
    Timestamp::from_unix_millis(number.saturating_mul(QUARTER_MS))
}

/// The quarters that a question is about: the first, and the one after the last.
pub(crate) fn quarters_between(since: Timestamp, until: Timestamp) -> (i64, i64) {
    let end = quarter_number(until).saturating_add(i64::from(until.unix_millis().rem_euclid(QUARTER_MS) != 0));
    (quarter_number(since), end)
}

/// Where hours, days, weeks and months of a zone begin. Remembers the stretches of the last question, because rows come
/// roughly in the order of time.
#[derive(Debug)]
pub(crate) struct Calendar {
    zone: Zone,
    last: Vec<(Period, Window)>,
}

impl Calendar {
    pub(crate) fn of(zone: &Zone) -> Self {
        Self { zone: zone.clone(), last: Vec::new() }
    }

    /// The beginning of the stretch of time that this quarter belongs to, in Unix milliseconds. Quarters are never cut:
    /// each belongs where it begins.
    pub(crate) fn beginning(&mut self, period: Period, quarter: Timestamp) -> i64 {
        let known = self.last.iter().position(|(known, _)| *known == period);
        if let Some((_, window)) = known.and_then(|at| self.last.get(at)).filter(|(_, last)| last.contains(quarter)) {
            return window.from.unix_millis();
        }
        let window = Windows { period, zone: self.zone.clone() }.at(quarter);
        match known.and_then(|at| self.last.get_mut(at)) {
            Some(last) => last.1 = window,
            None => self.last.push((period, window)),
        }
        window.from.unix_millis()
    }
}

/// Puts the lines in the order of their groups: moments by time, everything else by text.
pub(crate) fn sort(rows: &mut [UsageRow], group_by: &[Dimension]) {
    rows.sort_by(|one, other| {
        let pairs = group_by.iter().zip(one.group.iter().zip(&other.group));
        pairs
            .map(|(dimension, (one, other))| compare(*dimension, one, other))
            .find(|o| o.is_ne())
            .unwrap_or(Ordering::Equal)
    });
}

fn compare(dimension: Dimension, one: &str, other: &str) -> Ordering {
    if dimension.period().is_some() {
        let moment = |text: &str| text.parse::<i64>().unwrap_or_default();
        return moment(one).cmp(&moment(other));
    }
    one.cmp(other)
}
