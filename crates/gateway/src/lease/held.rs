//! What an open lease holds of budgets and has taken of limits: what an attempt under way has, too, but free to move from
//! one event loop to another.

use std::rc::Rc;

use keyward_domain::lease::Lease;
use keyward_domain::ledger::AttemptId;
use keyward_domain::limit::Meter;
use keyward_domain::port::{Amounts, Ask, Store, StoreError, Taken};
use keyward_domain::usage::Usage;
use keyward_limit::book;

use crate::counting::Counting;
use crate::snapshot::Snapshot;
use crate::stage::admit::{Counted, Money};
use crate::stage::attempt::{Allowed, Spending};
use crate::worker::Worker;

/// What an open lease holds and has taken.
#[derive(Default)]
pub(super) struct Held {
    hold: Option<book::Hold>,
    /// Of limits on who asks, and on who serves.
    taken: [Option<Taken>; 2],
    /// The tokens that it was taken for.
    pub(super) expected: Usage,
    /// It is an earlier process's, and limits on what is in flight do not count it yet.
    pub(super) is_uncounted: bool,
}

impl Held {
    /// What a lease for so many tokens was allowed.
    pub(super) fn of(allowed: Allowed, counted: Option<Counted>, expected: Amounts) -> Self {
        let expected =
            Usage { input_uncached: expected.input_tokens, output: expected.output_tokens, ..Usage::default() };
        Self {
            hold: allowed.money.and_then(Money::into_hold),
            taken: [counted, allowed.counted].map(|counted| counted.and_then(Counted::into_taken)),
            expected,
            is_uncounted: false,
        }
    }

    /// What a lease holds that an earlier process handed out. Blocks. Nothing, when its row is in the ledger already: then
    /// only its record has not ended yet.
    pub(super) fn promised(
        lease: &Lease,
        store: &dyn Store,
        counting: &Counting,
        snapshot: &Snapshot,
    ) -> Result<Self, StoreError> {
        if store.request(lease.id)?.is_some_and(|row| !row.attempts.is_empty()) {
            return Ok(Self::default());
        }
        let (scopes, amount) = (lease.scopes(), lease.reserved.unwrap_or_default());
        let (tenant, at, attempt) = (lease.tenant, lease.taken_at, lease.attempt());
        let ask = book::Ask { tenant, scopes: &scopes, at, amount, attempt };
        let hold = Some(counting.book.resume(snapshot.budgets(), &ask));
        Ok(Self { hold, is_uncounted: true, ..Self::default() })
    }

    /// A place in every limit on what is in flight, taken late.
    pub(super) fn count(&mut self, taken: Taken) {
        self.taken = [Some(taken), None];
        self.is_uncounted = false;
    }

    /// The same as an attempt has it, to be settled here. Let go of, all of it is given back.
    pub(super) fn here(self, worker: &Rc<Worker>) -> Spending {
        let counted = self.taken.map(|taken| taken.map(|taken| Counted::again(worker, taken)));
        Spending::again(self.hold, counted)
    }
}

/// The limits on what is in flight that a lease is counted in.
pub(super) fn places(lease: &Lease, snapshot: &Snapshot) -> (AttemptId, Vec<Ask>) {
    let mut asks = snapshot.limits().asks(&lease.scopes(), lease.tenant, Amounts::default());
    asks.retain(|ask| ask.limit.meter == Meter::Concurrency);
    (lease.attempt(), asks)
}
