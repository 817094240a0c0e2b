//! The store as everybody who spends has it: whoever adds rows to the ledger moves the balances in the same turn.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use keyward_domain::audit::AuditDraft;
use keyward_domain::hand_on;
use keyward_domain::ledger::{Entry, Refusal, Spend};
use keyward_domain::port::{Store, StoreError};
use keyward_domain::time::Timestamp;

use super::owners::Owners;
use super::{Book, Budgets, Difference, Filling};

/// A store whose new ledger rows move the balances of a book. Everything else goes straight through.
pub struct Booked {
    store: Arc<dyn Store>,
    book: Arc<Book>,
    /// INVARIANT: nobody adds rows between reading what was spent and taking it over, so that no row counts twice or not
    /// at all (test `a_new_budget_knows_every_row_once`).
    turn: Mutex<()>,
}

impl Booked {
    /// This store, with these balances.
    pub fn over(store: Arc<dyn Store>, book: Arc<Book>) -> Self {
        Self { store, book, turn: Mutex::default() }
    }

    /// Reads what was spent under budgets that nobody asked for before. To be called before calls meet them.
    pub fn fill(&self, budgets: &Budgets, now: Timestamp) -> Result<(), StoreError> {
        let _turn = self.turn();
        let fillings = self.book.unfilled(budgets, now);
        let owners = self.owners(&fillings)?;
        for filling in fillings {
            filling.fill(&self.spent(&filling, &owners)?);
        }
        Ok(())
    }

    /// Compares every balance of these budgets with the ledger; empty when they agree.
    pub fn check(&self, budgets: &Budgets, now: Timestamp) -> Result<Vec<Difference>, StoreError> {
        let mut differences = Vec::new();
        let readings = self.book.readings(budgets, now);
        let owners = self.owners(&readings)?;
        for reading in readings {
            let _turn = self.turn();
            let found = reading.check(&self.spent(&reading, &owners)?);
            differences.extend(found.into_iter().filter(|difference| reading.is_own(&difference.scope, &owners)));
        }
        Ok(differences)
    }

    /// Whose the scopes are, where that has to be known.
    fn owners(&self, readings: &[Filling]) -> Result<Owners, StoreError> {
        if readings.iter().any(Filling::wants_owners) {
            Ok(Owners::among(&self.store.load()?))
        } else {
            Ok(Owners::default())
        }
    }

    /// What the store says of the scopes of a budget.
    fn spent(&self, reading: &Filling, owners: &Owners) -> Result<Vec<Spend>, StoreError> {
        let mut rows = self.store.spend(&reading.query())?;
        rows.retain(|row| reading.is_own(&row.scope, owners));
        Ok(rows)
    }

    fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for Booked {
    fn append(&self, entries: &[Entry], refusals: &[Refusal]) -> Result<Vec<bool>, StoreError> {
        let _turn = self.turn();
        let new = self.store.append(entries, refusals)?;
        self.book.projected(entries.iter().zip(&new).filter(|(_, is_new)| **is_new).map(|(entry, _)| entry));
        Ok(new)
    }

    fn correct(&self, corrections: &[Entry], audit: &AuditDraft) -> Result<(), StoreError> {
        let _turn = self.turn();
        self.store.correct(corrections, audit)?;
        self.book.projected(corrections);
        Ok(())
    }

    hand_on!(
        store:
        load, commit, found, spend, requests, request, entries, usage, reconcile, audit, ledger_totals,
        credential_spend, standings, put_standings, key_events, forget_key_events, put_bindings, bindings,
        forget_bindings, put_lease, lease, open_leases, forget_leases, named_calls,
        forget_named_calls,
    );
}
