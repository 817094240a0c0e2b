use keyward_domain::denial::{BudgetReached, Denial};
use keyward_domain::ids::BudgetId;
use keyward_domain::scope::Scope;

/// Nothing was held, and no balance changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Why.
    pub why: Why,
    /// Whether the scope that refused depends on who asks only. If not, another provider, key or model may do.
    pub is_callers: bool,
}

/// Why nothing was held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// This budget has less left than any other that refuses: the figures that it shows at this moment.
    Reached(BudgetId, Box<BudgetReached>),
    /// So many scopes have spent from this budget within its window that there is no room to count another one.
    Crowded(BudgetId, Scope),
    /// What this budget has spent in the window is not known: it has not been read yet, or the window is long over.
    Unread(BudgetId, Scope),
    /// The hold was taken for nothing, so it knows no budgets that it could take more from: exchange it.
    Unheld,
}

impl Refused {
    pub(super) fn new(why: Why) -> Self {
        let is_callers = why.scope().is_none_or(|scope| scope.kind().is_callers());
        Self { why, is_callers }
    }

    /// What the client is told.
    pub fn denial(self) -> Denial {
        match self.why {
            Why::Reached(_, reached) => Denial::BudgetExceeded(reached),
            Why::Crowded(..) => Denial::Overloaded("More end users or tags than can be counted have a budget each."),
            Why::Unread(..) => Denial::Overloaded("What a budget has spent is being read."),
            Why::Unheld => Denial::Internal,
        }
    }
}

impl Why {
    /// The scope whose budget refused.
    pub fn scope(&self) -> Option<&Scope> {
        match self {
            Self::Reached(_, reached) => Some(&reached.scope),
            Self::Crowded(_, scope) | Self::Unread(_, scope) => Some(scope),
            Self::Unheld => None,
        }
    }

    /// The budget that refused.
    pub fn budget(&self) -> Option<BudgetId> {
        match self {
            Self::Reached(budget, _) | Self::Crowded(budget, _) | Self::Unread(budget, _) => Some(*budget),
            Self::Unheld => None,
        }
    }
}
