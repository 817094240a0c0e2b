use keyward_domain::budget::{Budget, BudgetKind, Mode};
use keyward_domain::denial::BudgetReached;
use keyward_domain::money::Nanodollars;
use keyward_domain::scope::Scope;
use keyward_domain::time::Timestamp;
use keyward_domain::window::Windows;

use super::balance::{Stand, State};
use super::refused::{Refused, Why};

/// What all balances that an attempt touches say together.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    /// The tightest of those that refuse, and what it has left.
    refused: Option<(i128, Refused)>,
    /// The tightest of those that only watch.
    would_refuse: Option<(i128, Refused)>,
}

/// What is asked of one balance.
pub(super) struct Question<'a> {
    pub(super) budget: &'a Budget,
    pub(super) windows: &'a Windows,
    pub(super) scope: &'a Scope,
    pub(super) at: Timestamp,
    pub(super) amount: i64,
    /// What the attempt has reserved there and gives back for it.
    pub(super) freed: i64,
}

impl Verdict {
    pub(super) fn hear(&mut self, question: &Question<'_>, state: &State, stand: &Stand) {
        let Question { budget, scope, amount, .. } = *question;
        let watches = budget.kind == BudgetKind::Hard && budget.mode == Mode::Observe;
        if !budget.refuses() && !watches {
            return;
        }
        let seat = if watches { &mut self.would_refuse } else { &mut self.refused };
        if !stand.is_known {
            if !watches {
                *seat = Some((i128::MIN, Refused::new(Why::Unread(budget.id, scope.clone()))));
            }
            return;
        }
        let limit = budget.amount_at(question.at);
        let room = i128::from(limit.0).saturating_sub(i128::from(amount));
        let used = stand.sums.used();
        let left = i128::from(limit.0).saturating_sub(used);
        if used.saturating_sub(i128::from(question.freed)) <= room
            || seat.as_ref().is_some_and(|(least, _)| *least <= left)
        {
            return;
        }
        let reached = BudgetReached {
            budget: budget.id,
            called: None,
            scope: scope.clone(),
            limit,
            spent: clamped(stand.sums.spent()),
            reserved: clamped(stand.sums.open),
            needed: Nanodollars(amount),
            resets_at: state.fits_at(question.windows, stand, room),
        };
        *seat = Some((left, Refused::new(Why::Reached(budget.id, Box::new(reached)))));
    }

    /// What refuses, or what would have refused if it did more than watch.
    pub(super) fn into_result(self) -> Result<Option<Refused>, Refused> {
        match self.refused {
            Some((_, refused)) => Err(refused),
            None => Ok(self.would_refuse.map(|(_, refused)| refused)),
        }
    }
}

/// A sum as an amount of money: the nearest there is.
pub(super) fn clamped(sum: i128) -> Nanodollars {
    let nearest = if sum.is_negative() { i64::MIN } else { i64::MAX };
    Nanodollars(i64::try_from(sum).unwrap_or(nearest))
}
