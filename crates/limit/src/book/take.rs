use std::sync::Arc;

use keyward_domain::budget::Budget;
use keyward_domain::ledger::AttemptId;
use keyward_domain::money::Nanodollars;

use super::Book;
use super::ask::Ask;
use super::balance::{Balance, Legs, Stand, State, Sums};
use super::budgets::Budgets;
use super::pending::{Charge, Leg, charge_of, remove};
use super::pot::Pot;
use super::refused::{Refused, Why};
use super::verdict::{Question, Verdict};
use crate::sync::MutexGuard;

/// A balance that an attempt touches.
struct Spot<'a> {
    balance: Arc<Balance>,
    /// Under which budget it asks something of it.
    asks: Option<(Arc<Pot>, &'a Budget)>,
    /// What it has reserved there so far.
    has: Option<&'a Leg>,
}

/// On what terms something is taken.
#[derive(Default)]
pub(super) struct Terms<'a> {
    /// What an earlier hold of the attempt has reserved.
    pub(super) old: Option<&'a Charge>,
    /// It is promised already: whatever budgets say.
    pub(super) is_promised: bool,
}

/// What was taken.
pub(super) struct Taken {
    /// `None` when there was nothing to take anything from.
    pub(super) charge: Option<Charge>,
    pub(super) would_refuse: Option<Refused>,
}

impl Book {
    /// Takes what is asked from every balance that it touches, or changes nothing. What an earlier hold of the attempt
    /// has reserved is given back in the same step.
    pub(super) fn take(&self, budgets: &Budgets, ask: &Ask<'_>, terms: &Terms<'_>) -> Result<Taken, Refused> {
        let old = terms.old;
        loop {
            let spots = self.spots(budgets, ask, terms)?;
            let mut states: Vec<_> = spots.iter().map(|spot| spot.balance.lock()).collect();
            if states.iter().any(|state| state.is_gone) {
                continue;
            }
            let mut verdict = Verdict::default();
            let mut stands = Vec::with_capacity(spots.len());
            for (spot, state) in spots.iter().zip(&mut states) {
                stands.push(weigh(spot, state, ask, old, &mut verdict));
            }
            let would_refuse = if terms.is_promised { None } else { verdict.into_result()? };
            let legs = charge(&spots, &mut states, &stands, ask.amount, old);
            let hold = self.next_hold();
            let charge = Charge { hold, at: ask.at, amount: ask.amount.0, is_settled: false, legs };
            return Ok(Taken { charge: (!charge.legs.is_empty()).then_some(charge), would_refuse });
        }
    }

    /// Takes what is asked in the place of what this hold has.
    pub(super) fn retake(
        &self,
        budgets: &Budgets,
        ask: &Ask<'_>,
        old: Option<(AttemptId, u64)>,
    ) -> Result<Taken, Refused> {
        let new = Terms::default();
        let Some((attempt, hold)) = old else { return self.take(budgets, ask, &new) };
        let Some(mut attempts) = self.pending.lock(attempt) else { return self.take(budgets, ask, &new) };
        let old = charge_of(&mut attempts, attempt, hold).map(|charge| &*charge);
        let taken = self.take(budgets, ask, &Terms { old, is_promised: false })?;
        remove(&mut attempts, attempt, hold);
        Ok(taken)
    }

    /// Reserves more for a hold, in all its balances or in none.
    pub(super) fn grow(&self, attempt: AttemptId, hold: u64, by: i64) -> Result<(), Refused> {
        let Some(mut attempts) = self.pending.lock(attempt) else { return Ok(()) };
        let Some(charge) = charge_of(&mut attempts, attempt, hold) else { return Ok(()) };
        let mut states: Vec<_> = charge.legs.iter().map(|leg| leg.balance.lock()).collect();
        let mut verdict = Verdict::default();
        for (leg, state) in charge.legs.iter().zip(&states) {
            let Some(budget) = leg.pot.terms() else { continue };
            let windows = &leg.pot.windows;
            let scope = &leg.balance.scope;
            let question = Question { budget: &budget, windows, scope, at: charge.at, amount: by, freed: 0 };
            verdict.hear(&question, state, &state.own(windows, charge.at));
        }
        verdict.into_result()?;
        for (leg, state) in charge.legs.iter().zip(&mut states) {
            state.post(leg.bucket, Sums::open(by), Sums::default(), Legs::Same);
        }
        charge.amount = charge.amount.saturating_add(by);
        Ok(())
    }

    /// The balances that are touched, each once, in the order in which they are locked.
    fn spots<'a>(&self, budgets: &'a Budgets, ask: &Ask<'_>, terms: &Terms<'a>) -> Result<Vec<Spot<'a>>, Refused> {
        let mut spots: Vec<Spot<'a>> = Vec::with_capacity(ask.scopes.len());
        let wants = ask.amount > Nanodollars::ZERO;
        for scope in ask.scopes.iter().filter(|_| wants) {
            for budget in budgets.on(ask.tenant, scope) {
                let Some(pot) = self.pot(budget) else { continue };
                match pot.balance(scope, ask.at) {
                    Ok(balance) => spots.push(Spot { balance, asks: Some((pot, budget)), has: None }),
                    Err(_) if budget.refuses() && !terms.is_promised => {
                        return Err(Refused::new(Why::Crowded(budget.id, scope.clone())));
                    }
                    // It refuses nobody, so it may as well not count this one.
                    Err(_) => {}
                }
            }
        }
        for leg in terms.old.into_iter().flat_map(|charge| &charge.legs) {
            match spots.iter_mut().find(|spot| spot.balance.serial == leg.balance.serial) {
                Some(spot) => spot.has = Some(leg),
                None => spots.push(Spot { balance: Arc::clone(&leg.balance), asks: None, has: Some(leg) }),
            }
        }
        spots.sort_unstable_by_key(|spot| spot.balance.serial);
        spots.dedup_by_key(|spot| spot.balance.serial);
        Ok(spots)
    }
}

/// Asks one balance.
fn weigh(
    spot: &Spot<'_>,
    state: &mut State,
    ask: &Ask<'_>,
    old: Option<&Charge>,
    verdict: &mut Verdict,
) -> Option<Stand> {
    let (pot, budget) = spot.asks.as_ref()?;
    let stand = state.stand(&pot.windows, ask.at);
    let is_inside = spot.has.is_some_and(|leg| stand.window.contains(leg.bucket));
    let freed = if is_inside { old.map_or(0, |charge| charge.amount) } else { 0 };
    let scope = &spot.balance.scope;
    let question = Question { budget, windows: &pot.windows, scope, at: ask.at, amount: ask.amount.0, freed };
    verdict.hear(&question, state, &stand);
    Some(stand)
}

/// Gives back what was reserved, reserves what is asked.
fn charge(
    spots: &[Spot<'_>],
    states: &mut [MutexGuard<'_, State>],
    stands: &[Option<Stand>],
    amount: Nanodollars,
    old: Option<&Charge>,
) -> Vec<Leg> {
    let mut legs = Vec::with_capacity(spots.len());
    for ((spot, state), stand) in spots.iter().zip(states).zip(stands) {
        if let (Some(leg), Some(old)) = (spot.has, old) {
            state.post(leg.bucket, Sums::default(), old.sums(), Legs::Less);
        }
        if let (Some((pot, _)), Some(stand)) = (&spot.asks, stand) {
            state.post(stand.bucket, Sums::open(amount.0), Sums::default(), Legs::More);
            if let Some(moment) = state.trim(&pot.windows) {
                pot.forget_before(moment);
            }
            let balance = Arc::clone(&spot.balance);
            legs.push(Leg { pot: Arc::clone(pot), balance, bucket: stand.bucket });
        }
    }
    legs
}
