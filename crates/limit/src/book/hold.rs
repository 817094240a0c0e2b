use std::sync::Arc;

use keyward_domain::ledger::AttemptId;
use keyward_domain::money::Nanodollars;

use super::Book;
use super::ask::Ask;
use super::budgets::Budgets;
use super::refused::{Refused, Why};
use super::take::Terms;

/// What is reserved for one attempt, in every balance that it touches. It ends exactly once: settled at what the attempt
/// cost, exchanged, or released because the attempt will have no row.
///
/// Dropping it settles it at what was held, so that whatever the attempt did is counted until its row says more. Whoever
/// drops a hold has to see to it that there will be a row: the attempt's journal does, at the next start at the latest.
#[must_use = "what is held stays held until the hold is settled, exchanged or released"]
#[derive(Debug)]
pub struct Hold {
    /// `None` when nothing is held.
    book: Option<Arc<Book>>,
    attempt: AttemptId,
    /// Which one, of those that the attempt had.
    number: u64,
    amount: Nanodollars,
    would_refuse: Option<Box<Refused>>,
}

impl Book {
    /// Holds this amount in every balance that the attempt touches, or changes nothing.
    ///
    /// Nothing is held for an attempt that costs nothing, and such an attempt is never refused.
    pub fn hold(self: &Arc<Self>, budgets: &Budgets, ask: &Ask<'_>) -> Result<Hold, Refused> {
        if budgets.is_empty() || ask.amount <= Nanodollars::ZERO {
            return Ok(Hold::nothing(ask));
        }
        let taken = self.take(budgets, ask, &Terms::default())?;
        Ok(self.guard(ask, taken))
    }

    /// Holds what was promised before this process began, whatever is left: what an open lease may still spend. No budget
    /// refuses it, because it is out already.
    pub fn resume(self: &Arc<Self>, budgets: &Budgets, ask: &Ask<'_>) -> Hold {
        if budgets.is_empty() || ask.amount <= Nanodollars::ZERO {
            return Hold::nothing(ask);
        }
        match self.take(budgets, ask, &Terms { old: None, is_promised: true }) {
            Ok(taken) => self.guard(ask, taken),
            Err(_) => Hold::nothing(ask),
        }
    }

    fn guard(self: &Arc<Self>, ask: &Ask<'_>, taken: super::take::Taken) -> Hold {
        let mut hold = Hold::nothing(ask);
        hold.would_refuse = taken.would_refuse.map(Box::new);
        if let Some(charge) = taken.charge {
            hold.number = charge.hold;
            hold.book = Some(Arc::clone(self));
            self.pending.insert(ask.attempt, charge);
        }
        hold
    }
}

impl Hold {
    fn nothing(ask: &Ask<'_>) -> Self {
        let amount = ask.amount.max(Nanodollars::ZERO);
        Self { book: None, attempt: ask.attempt, number: 0, amount, would_refuse: None }
    }

    /// How much is held.
    pub fn amount(&self) -> Nanodollars {
        self.amount
    }

    /// The refusal of a budget that only watches: the tightest, if any would have refused.
    pub fn would_refuse(&self) -> Option<&Refused> {
        self.would_refuse.as_deref()
    }

    /// Holds so much more, in every balance or in none. What is held already stays, whatever the answer.
    ///
    /// Asks the budgets as they are now, in the windows of the attempt. A hold that was taken for nothing cannot grow,
    /// because nothing was looked up for it: exchange it.
    pub fn grow(&mut self, by: Nanodollars) -> Result<(), Refused> {
        if by <= Nanodollars::ZERO {
            return Ok(());
        }
        match &self.book {
            Some(book) => book.grow(self.attempt, self.number, by.0)?,
            None if self.amount == Nanodollars::ZERO => return Err(Refused::new(Why::Unheld)),
            None => {}
        }
        self.amount = self.amount.saturating_add(by);
        Ok(())
    }

    /// Holds what is asked in the place of what is held: what is given back is there for what is taken, and nobody gets
    /// in between. When it is refused, the old hold comes back as it was.
    pub fn exchange(
        mut self,
        book: &Arc<Book>,
        budgets: &Budgets,
        ask: &Ask<'_>,
    ) -> Result<Self, Box<(Refused, Self)>> {
        let old = self.book.is_some().then_some((self.attempt, self.number));
        match book.retake(budgets, ask, old) {
            Ok(taken) => {
                self.book = None;
                Ok(book.guard(ask, taken))
            }
            Err(refused) => Err(Box::new((refused, self))),
        }
    }

    /// The attempt is over and its row, on the way to the store, says that it cost this. `None`: the row has no cost,
    /// because the price is unknown; then nothing stays.
    pub fn settle(mut self, cost: Option<Nanodollars>) {
        if let Some(book) = self.book.take() {
            book.settle(self.attempt, self.number, cost);
        }
    }

    /// Nothing was sent, and no row will say that it cost anything.
    pub fn release(self) {
        self.settle(None);
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if let Some(book) = self.book.take() {
            book.settle(self.attempt, self.number, Some(self.amount));
        }
    }
}
