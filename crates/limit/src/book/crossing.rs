use std::collections::VecDeque;
use std::sync::Arc;

use keyward_domain::budget::Budget;
use keyward_domain::ids::{BudgetId, TenantId};
use keyward_domain::money::Nanodollars;
use keyward_domain::scope::Scope;
use keyward_domain::time::Timestamp;
use keyward_domain::window::Window;

use super::Book;
use super::balance::State;
use super::pot::Pot;
use super::verdict::clamped;
use crate::sync::lock;

/// Crossings that wait to be told, at most; later ones are counted only.
pub const MAX_CROSSINGS: usize = 1_024;

/// What a scope has spent passed a threshold of its budget for the first time in a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crossing {
    /// The budget.
    pub budget: BudgetId,
    /// Whose budget it is.
    pub tenant: TenantId,
    /// Who spent.
    pub scope: Scope,
    /// The highest threshold that was passed at once, in thousandths of the limit.
    pub threshold: u16,
    /// Within this window.
    pub window: Window,
    /// What may be spent in it.
    pub limit: Nanodollars,
    /// What was spent in it.
    pub spent: Nanodollars,
}

/// Crossings nobody was told of yet.
#[derive(Debug, Default)]
pub(super) struct Crossings {
    queue: VecDeque<Crossing>,
    /// Those there was no room for.
    missed: u64,
}

impl Book {
    /// Thresholds that were passed since the last time, and how many more there were than can wait
    /// ([`MAX_CROSSINGS`]). Each is told once per window; a rolling window tells again after it fell below.
    pub fn take_crossings(&self) -> (Vec<Crossing>, u64) {
        let crossings = std::mem::take(&mut *lock(&self.crossings));
        (crossings.queue.into(), crossings.missed)
    }

    /// Puts a threshold that was just passed into the queue.
    pub(super) fn tell(&self, pot: &Arc<Pot>, scope: &Scope, state: &mut State, at: Timestamp) {
        let Some(budget) = pot.terms().filter(|budget| !budget.alert_at.is_empty()) else { return };
        let Some(threshold) = passed(&budget, pot, state, at) else { return };
        let (window, sums) = state.latest();
        let mut crossings = lock(&self.crossings);
        if crossings.queue.len() >= MAX_CROSSINGS {
            crossings.missed = crossings.missed.saturating_add(1);
            return;
        }
        crossings.queue.push_back(Crossing {
            budget: budget.id,
            tenant: budget.tenant,
            scope: scope.clone(),
            threshold,
            window,
            limit: budget.amount_at(at),
            spent: clamped(sums.spent()),
        });
    }
}

/// The highest threshold that is passed now and was not before; it is remembered as told.
pub(super) fn passed(budget: &Budget, pot: &Pot, state: &mut State, at: Timestamp) -> Option<u16> {
    let (window, sums) = state.latest();
    let limit = i128::from(budget.amount_at(at).0);
    let is_passed = |threshold: u16| sums.spent() > 0 && sums.spent() * 1000 >= limit * i128::from(threshold);
    let highest = budget.alert_at.iter().copied().filter(|threshold| is_passed(*threshold)).max().unwrap_or(0);
    let is_rolling = pot.windows.are_rolling();
    let (told_in, told) = state.told;
    let told = if is_rolling || told_in == window.from { told } else { 0 };
    state.told = (window.from, if is_rolling { highest } else { highest.max(told) });
    (highest > told).then_some(highest)
}
