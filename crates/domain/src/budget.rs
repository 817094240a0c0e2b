//! Budgets: how much money a scope may spend within a window. A hard budget is a ceiling: what is posted and what is
//! reserved never exceed it together.

use serde::{Deserialize, Serialize};

use crate::ids::{BudgetId, TenantId};
use crate::money::{Nanodollars, Picodollars};
use crate::principal::Realm;
use crate::scope::Reach;
use crate::time::Timestamp;
use crate::window::Windows;

/// The most budgets that may be set on one scope, or on each scope of a kind, by those who administer the installation; and
/// as many by those who administer the tenant.
pub const MAX_PER_REACH: usize = 8;

/// The most budgets of an installation.
pub const MAX_BUDGETS: usize = 10_000;

/// The most budgets that those who administer one tenant may set, so that none takes all that the installation has.
pub const MAX_OF_TENANT: usize = 1_000;

/// The most top-ups that one budget keeps.
pub const MAX_TOP_UPS: usize = 16;

/// The most thresholds that one budget tells of.
pub const MAX_THRESHOLDS: usize = 8;

/// A budget as it is stored. One scope may have several, each with windows of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// Its id.
    pub id: BudgetId,
    /// Whose it is.
    pub tenant: TenantId,
    /// For which part of the installation whoever set it spoke: nobody who is confined to less changes it.
    #[serde(default)]
    pub set_by: Realm,
    /// What it is set on.
    pub reach: Reach,
    /// What may be spent within one window.
    pub amount: Nanodollars,
    /// When its windows begin and end.
    pub windows: Windows,
    /// Whether it refuses, or only tells.
    #[serde(default)]
    pub kind: BudgetKind,
    /// Whether it acts, or only counts what it would have refused.
    #[serde(default)]
    pub mode: Mode,
    /// How much is reserved for a call that may cost much more than calls mostly do.
    #[serde(default)]
    pub hold: HoldMode,
    /// Shares of the amount, in thousandths, at which somebody is told; ascending.
    #[serde(default)]
    pub alert_at: Vec<u16>,
    /// More money for a while.
    #[serde(default)]
    pub top_ups: Vec<TopUp>,
    /// When it was created.
    pub created_at: Timestamp,
    /// Grows by one with every change.
    pub revision: u64,
}

/// Whether a budget is a ceiling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BudgetKind {
    /// A ceiling: calls that might cost more than what is left are refused.
    #[default]
    Hard,
    /// Somebody is told; nothing is refused.
    Soft,
}

/// Whether a budget or a limit acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// It refuses.
    #[default]
    Enforce,
    /// It lets everything pass and counts what it would have refused.
    Observe,
}

/// What a budget does with a call whose model has no known price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownPrice {
    /// It refuses the call.
    #[default]
    Refuse,
    /// It takes every token to cost this much: more than any model does.
    Ceiling(Picodollars),
}

/// How much is reserved for a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldMode {
    /// What the call can cost at most. A stream with a large output cap is reserved piece by piece as it grows, and ends
    /// when nothing is left; a large cap of any other call is lowered to what is left.
    #[default]
    Adaptive,
    /// What the call can cost at most, all of it before anything is sent.
    Strict,
}

/// More money until a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopUp {
    /// How much more.
    pub amount: Nanodollars,
    /// Up to this moment, exclusive.
    pub until: Timestamp,
}

impl BudgetKind {
    /// The word that config, APIs and messages use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hard => "hard",
            Self::Soft => "soft",
        }
    }
}

impl Mode {
    /// The word that config, APIs and messages use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Observe => "observe",
        }
    }
}

impl HoldMode {
    /// The word that config, APIs and messages use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Adaptive => "adaptive",
            Self::Strict => "strict",
        }
    }
}

impl Budget {
    /// What may be spent within the window of this moment: the amount and the top-ups that have not ended.
    pub fn amount_at(&self, now: Timestamp) -> Nanodollars {
        let more = self.top_ups.iter().filter(|top_up| now < top_up.until).map(|top_up| top_up.amount).sum();
        self.amount.saturating_add(more)
    }

    /// Whether it may refuse.
    pub fn refuses(&self) -> bool {
        self.kind == BudgetKind::Hard && self.mode == Mode::Enforce
    }
}
