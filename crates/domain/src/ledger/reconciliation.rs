//! Sums compared with the rows that they are made of.

use serde::{Deserialize, Serialize};

use crate::ids::BudgetId;
use crate::money::Nanodollars;
use crate::scope::Scope;
use crate::time::Timestamp;

/// Which sums are compared with the rows that they are made of.
#[derive(Debug, Clone, Copy)]
pub struct ReconcileQuery {
    /// From this moment on, by when attempts began; rounded down to a quarter of an hour.
    pub since: Timestamp,
    /// Up to this moment, exclusive; rounded up to a quarter of an hour.
    pub until: Timestamp,
    /// Whether sums are looked at too that no row of this range touches: there should be none.
    pub everything: bool,
}

/// What came of comparing sums with rows.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Reconciliation {
    /// Rows that were added up.
    pub rows: u64,
    /// Scopes whose sums were compared.
    pub scopes: u64,
    /// Sums that do not agree, at most [`MAX_DRIFTS`].
    pub drifts: Vec<Drift>,
    /// Sums that do not agree and are not listed.
    pub more_drifts: u64,
}

/// A sum that does not agree with its rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drift {
    /// Whose sum it is; `None` for what reports are made of.
    pub scope: Option<Scope>,
    /// The budget whose balance it is; `None` for a sum of the store.
    pub budget: Option<BudgetId>,
    /// What the rows say.
    pub rows: Figures,
    /// What the sum says.
    pub kept: Figures,
}

/// Sums over some rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Figures {
    /// Attempts.
    pub attempts: u64,
    /// What they cost, corrections included, as far as prices are known.
    pub cost: Nanodollars,
    /// Attempts whose price is unknown.
    pub unpriced: u64,
    /// Tokens of prompts.
    pub input_tokens: u64,
    /// Tokens of answers.
    pub output_tokens: u64,
}

/// Differences that one comparison lists.
pub const MAX_DRIFTS: usize = 100;

impl Reconciliation {
    /// By how much money sums and rows differ, all together and whatever the sign.
    pub fn drift(&self) -> Nanodollars {
        let differences = self.drifts.iter().map(|drift| (drift.kept.cost - drift.rows.cost).0.saturating_abs());
        differences.map(Nanodollars).sum()
    }

    /// What came of comparing another range.
    pub fn absorb(&mut self, other: Self) {
        self.rows = self.rows.saturating_add(other.rows);
        self.scopes = self.scopes.max(other.scopes);
        self.more_drifts = self.more_drifts.saturating_add(other.more_drifts);
        for drift in other.drifts {
            self.note(|| drift);
        }
    }

    /// Notes a sum, if it does not agree.
    pub fn compare(&mut self, scope: impl FnOnce() -> Option<Scope>, rows: Figures, kept: Figures) {
        if rows != kept {
            self.note(|| Drift { scope: scope(), budget: None, rows, kept });
        }
    }

    /// Notes a difference.
    pub fn note(&mut self, drift: impl FnOnce() -> Drift) {
        if self.drifts.len() < MAX_DRIFTS {
            self.drifts.push(drift());
        } else {
            self.more_drifts = self.more_drifts.saturating_add(1);
        }
    }
}
