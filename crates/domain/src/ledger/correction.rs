//! Corrections: entries of their own next to what was written.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{AttemptOutcome, Entry, RequestRow};
use crate::money::Nanodollars;
use crate::time::Timestamp;
use crate::usage::{Usage, UsageSource};

/// Corrections have the numbers from here on; attempts the ones below.
pub const FIRST_CORRECTION: u8 = 128;

/// The longest reason of a correction, in bytes.
pub const MAX_REASON: usize = 256;

impl Entry {
    /// The entry that adds this amount, which may be negative, to what this attempt cost. It counts where the attempt
    /// counts: in the same scopes, at the same time.
    #[must_use]
    pub fn corrected(&self, number: u8, amount: Nanodollars, price_version: &Arc<str>, note: &Correction) -> Self {
        let mut subject = self.subject.clone();
        subject.attempt.number = number;
        (subject.reserved, subject.price_version) = (None, Arc::clone(price_version));
        Self {
            subject,
            outcome: AttemptOutcome::Correction,
            status: 0,
            usage: Usage::default(),
            source: UsageSource::None,
            cost: Some(amount),
            raw_usage: serde_json::to_string(note).ok().map(Into::into),
            duration: Duration::ZERO,
            first_content: None,
            overhead: Duration::ZERO,
        }
    }

    /// What a correction says of itself; `None` for an attempt.
    pub fn correction(&self) -> Option<Correction> {
        let note = self.raw_usage.as_deref().filter(|_| self.outcome == AttemptOutcome::Correction)?;
        serde_json::from_str(note).ok()
    }
}

/// What an entry of the outcome `correction` says of itself. It is kept as JSON where attempts keep the provider's usage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Correction {
    /// The number of the attempt whose cost it corrects.
    pub corrects: u8,
    /// When it was made.
    pub made_at: Timestamp,
    /// Why, in the words of who made it.
    pub reason: String,
    /// Whether it is the difference that another price makes: such corrections are counted in when prices are applied
    /// again, all others stay on top.
    #[serde(default)]
    pub repriced: bool,
    /// Whether the attempt had no price before: from now on it does not count as unpriced.
    #[serde(default)]
    pub prices: bool,
}

impl RequestRow {
    /// Its attempts, without corrections.
    pub fn made(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.attempts.iter().filter(|entry| entry.outcome != AttemptOutcome::Correction)
    }

    /// The number that its next correction has; `None` when it can have no more.
    pub fn next_correction(&self) -> Option<u8> {
        let last = self.attempts.iter().map(|entry| entry.subject.attempt.number).max();
        last.map_or(Some(FIRST_CORRECTION), |last| last.max(FIRST_CORRECTION - 1).checked_add(1))
    }
}
