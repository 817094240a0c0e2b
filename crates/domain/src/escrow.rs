//! Escrow: parts of a budget that nodes of a fleet hold, so that each can decide alone what fits. The money of a chunk is
//! set aside for its node, whatever becomes of the node, until what was spent of it is known.

use serde::{Deserialize, Serialize};

use crate::ids::{BudgetId, EscrowId};
use crate::money::Nanodollars;
use crate::scope::Scope;
use crate::time::Timestamp;
use crate::window::Window;

/// A part of a budget that a node holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk {
    /// Its id, made by the node before it asks, so that asking may be repeated.
    pub id: EscrowId,
    /// Who holds it.
    pub holder: Holder,
    /// Of which budget it is.
    pub pot: Pot,
    /// How much was set aside, all in all.
    pub amount: Nanodollars,
    /// How much of it rows say that are in the ledger.
    pub used: Nanodollars,
    /// From this moment on the node begins no call on it.
    pub expires_at: Timestamp,
}

/// A node, and its how manieth life. Only the latest may change anything.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Holder {
    /// The node's name in the fleet.
    pub node: Box<str>,
    /// Grows by one whenever the node enters.
    pub epoch: u64,
}

/// The money of one scope within one window of one budget.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pot {
    /// The budget.
    pub budget: BudgetId,
    /// Whose money.
    pub scope: Scope,
    /// For which stretch of time. Chunks of windows that overlap count against each other, as those of a rolling budget do.
    pub window: Window,
}

/// What a node asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// What may be spent in the window, top-ups included.
    pub limit: Nanodollars,
    /// How much the node wants to have at hand.
    pub wanted: Nanodollars,
    /// With less than this nothing can be done, so it is not given.
    pub least: Nanodollars,
    /// Until when it may begin calls on it.
    pub expires_at: Timestamp,
}

impl Chunk {
    /// What is set aside and not known to be spent.
    pub fn left(&self) -> Nanodollars {
        (self.amount - self.used).max(Nanodollars::ZERO)
    }
}

impl Pot {
    /// Whether money of one is missing in the other.
    pub fn touches(&self, other: &Self) -> bool {
        let overlap = self.window.from < other.window.until && other.window.from < self.window.until;
        self.budget == other.budget && self.scope == other.scope && overlap
    }
}
