//! What a call consumed: from the provider's own usage object to disjoint buckets.
//!
//! Providers disagree about what includes what. OpenAI's counts are inclusive (cached tokens are part of the prompt,
//! reasoning is part of the completion), Anthropic's exclude the cache, Gemini's exclude thoughts but include the cache.
//! Here every unit ends up in exactly one bucket, none is negative, and the buckets sum to the provider's totals.
//! Counts that cannot be true (negative, no whole number, beyond 2^53, a part greater than its whole) are not believed:
//! the usage then counts as missing and is marked suspect.

pub(crate) mod anthropic;
pub(crate) mod gemini;
mod openai;

use keyward_domain::dialect::{Dialect, Operation};
use keyward_domain::usage::Usage;

use crate::json::{Count, count};

pub(crate) use openai::searches;

/// What a usage object says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// What was consumed.
    Known(Usage),
    /// It says nothing.
    Missing,
    /// It says something that cannot be true.
    Suspect,
}

/// Reads one usage object as the provider wrote it: `usage`, or Gemini's `usageMetadata`.
pub fn read(dialect: Dialect, operation: Operation, raw: &[u8]) -> Reading {
    let usage = match dialect {
        Dialect::OpenAi => openai::read(operation, raw),
        Dialect::Anthropic => anthropic::read(raw),
        Dialect::Gemini => gemini::read(raw),
    };
    match usage {
        Ok(Some(usage)) => Reading::Known(usage),
        Ok(None) => Reading::Missing,
        Err(Suspect) => Reading::Suspect,
    }
}

/// A usage object that cannot be true.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Suspect;

/// Puts a count in its slot; `null` leaves the slot as it was.
fn put(slot: &mut Option<u64>, value: &[u8]) -> Result<(), Suspect> {
    match count(value) {
        Count::Absent => {}
        Count::Is(count) => *slot = Some(count),
        Count::Bad => return Err(Suspect),
    }
    Ok(())
}

/// Takes a part out of what is left of its whole, which has to hold it.
fn take(left: &mut u64, part: u64) -> Result<u64, Suspect> {
    *left = left.checked_sub(part).ok_or(Suspect)?;
    Ok(part)
}

/// Takes as much of a part as is left of its whole: for parts that may overlap others already taken.
fn take_rest(left: &mut u64, part: u64) -> u64 {
    let taken = part.min(*left);
    *left -= taken;
    taken
}

/// Walks the members of an object, stopping at the first that cannot be true. Text that is no object says nothing.
fn members(raw: &[u8], mut visit: impl FnMut(&[u8], &[u8]) -> Result<(), Suspect>) -> Result<(), Suspect> {
    let mut outcome = Ok(());
    crate::json::each(raw, |member| {
        if outcome.is_ok() {
            outcome = visit(member.key, member.value);
        }
    });
    outcome
}
