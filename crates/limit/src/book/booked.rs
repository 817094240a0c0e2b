//! The store as everybody who spends has it: whoever adds rows to the ledger moves the balances in the same turn.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use keyward_domain::audit::AuditDraft;
use keyward_domain::hand_on;
use keyward_domain::ledger::{Entry, Refusal};
use keyward_domain::port::{Store, StoreError};
use keyward_domain::time::Timestamp;

use super::{Book, Budgets, Difference};

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
        for filling in self.book.unfilled(budgets, now) {
            let rows = self.store.spend(&filling.query())?;
            filling.fill(&rows);
        }
        Ok(())
    }

    /// Compares every balance of these budgets with the ledger; empty when they agree.
    pub fn check(&self, budgets: &Budgets, now: Timestamp) -> Result<Vec<Difference>, StoreError> {
        let mut differences = Vec::new();
        for reading in self.book.readings(budgets, now) {
            let _turn = self.turn();
            let rows = self.store.spend(&reading.query())?;
            differences.extend(reading.check(&rows));
        }
        Ok(differences)
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
