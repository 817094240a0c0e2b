use std::sync::Arc;

use keyward_domain::ledger::{AttemptId, Entry};
use keyward_domain::money::Nanodollars;
use keyward_domain::scope::Scope;
use keyward_domain::time::Timestamp;

use super::Book;
use super::balance::{Legs, Sums, bucket_at};
use super::pending::{Charge, charge_of, remove};
use super::pot::Pot;

impl Book {
    /// Turns what is reserved into what was spent, until the row is in the store.
    pub(super) fn settle(&self, attempt: AttemptId, hold: u64, cost: Option<Nanodollars>) {
        let Some(mut attempts) = self.pending.lock(attempt) else { return };
        let Some(cost) = cost.filter(|cost| *cost != Nanodollars::ZERO) else {
            if let Some(charge) = remove(&mut attempts, attempt, hold) {
                charge.withdraw();
            }
            return;
        };
        // When the row was faster, there is nothing left to do.
        let Some(charge) = charge_of(&mut attempts, attempt, hold) else { return };
        let reserved = charge.sums();
        charge.amount = cost.0;
        charge.is_settled = true;
        for leg in &charge.legs {
            let mut state = leg.balance.lock();
            state.post(leg.bucket, charge.sums(), reserved, Legs::Same);
            self.tell(&leg.pot, &leg.balance.scope, &mut state, charge.at);
        }
    }

    /// Takes over rows that were appended to the store just now and were not there before. Whoever calls this lets nobody
    /// read what scopes have spent between the two ([`Filling::fill`](super::Filling::fill), [`Filling::check`](super::Filling::check)).
    ///
    /// What was held or settled for the attempt of a row gives way to what the row says, in each balance in one step.
    pub fn projected<'a>(&self, rows: impl IntoIterator<Item = &'a Entry>) {
        // A pot that comes while this runs is filled from the store afterwards, these rows included.
        let has_pots = self.has_pots();
        for row in rows {
            self.project(row, has_pots);
        }
    }

    fn project(&self, row: &Entry, has_pots: bool) {
        let subject = &row.subject;
        let Some(mut attempts) = self.pending.lock(subject.attempt) else { return };
        let mut charges = attempts.remove(&subject.attempt).unwrap_or_default();
        let cost = row.cost.unwrap_or_default();
        if has_pots && cost != Nanodollars::ZERO {
            let mut scopes = subject.scopes();
            scopes.dedup();
            for scope in &scopes {
                for pot in self.pots_on(subject.tenant, scope) {
                    self.post_row(&pot, scope, subject.at, cost, &mut charges);
                }
            }
        }
        for charge in &charges {
            charge.withdraw();
        }
    }

    /// Adds a row to one balance, in the place of what was charged for it there.
    fn post_row(&self, pot: &Arc<Pot>, scope: &Scope, at: Timestamp, cost: Nanodollars, charges: &mut [Charge]) {
        let bucket = bucket_at(&pot.windows, at);
        while let Some(balance) = pot.balance_for_row(scope, at) {
            let mut state = balance.lock();
            if state.is_gone {
                continue;
            }
            for charge in charges {
                let sums = charge.sums();
                charge.legs.retain(|leg| {
                    let is_here = leg.balance.serial == balance.serial;
                    if is_here {
                        state.post(leg.bucket, Sums::default(), sums, Legs::Less);
                    }
                    !is_here
                });
            }
            if state.is_known_from(bucket) {
                state.stand(&pot.windows, at);
                state.post(bucket, Sums::base(cost.0), Sums::default(), Legs::Same);
                if let Some(moment) = state.trim(&pot.windows) {
                    pot.forget_before(moment);
                }
                self.tell(pot, scope, &mut state, at);
            }
            return;
        }
    }
}
