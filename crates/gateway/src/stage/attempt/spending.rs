//! What an open attempt holds of budgets and has taken of limits, until its row says what it really used.

use std::sync::Arc;

use keyward_domain::money::Nanodollars;
use keyward_domain::usage::Usage;
use keyward_limit::book;

use super::allow::Allowed;
use super::draft::Draft;
use crate::snapshot::Deployment;
use crate::stage::admit::{Counted, Most, Slice};

/// More is held of a stream when this much of what is held was seen, in tenths.
const SEEN_TENTHS: u64 = 8;

/// What an open attempt holds and has taken.
#[derive(Default)]
pub(crate) struct Spending {
    hold: Option<book::Hold>,
    /// Of limits: what the call has taken, and what this attempt has.
    counted: [Option<Counted>; 2],
    /// `None` when all of it is held, from the beginning or by now.
    growing: Option<Growing>,
}

/// A stream of which only the beginning is held.
struct Growing {
    most: Most,
    target: Arc<Deployment>,
    slice: Slice,
}

impl Spending {
    pub(super) fn of(allowed: Allowed, draft: &Draft, target: &Arc<Deployment>) -> Self {
        let counted = [draft.counted.clone(), allowed.counted];
        let Some(money) = allowed.money else { return Self { hold: None, counted, growing: None } };
        let growing = money.fit.slice.map(|slice| Growing { most: draft.most, target: Arc::clone(target), slice });
        Self { hold: money.into_hold(), counted, growing }
    }

    /// What was held and taken earlier, perhaps on another event loop, and all of it.
    pub(crate) fn again(hold: Option<book::Hold>, counted: [Option<Counted>; 2]) -> Self {
        Self { hold, counted, growing: None }
    }

    /// From here on the attempt counts.
    pub(crate) fn mark_sent(&self) {
        self.counted.iter().flatten().for_each(Counted::mark_sent);
    }

    /// Whether only the beginning of the answer is held.
    pub(super) const fn is_sliced(&self) -> bool {
        self.growing.is_some()
    }

    /// Answers that were asked for.
    pub(super) fn candidates(&self) -> u32 {
        self.growing.as_ref().map_or(1, |growing| growing.most.candidates())
    }

    /// So many bytes of content were seen. Holds more in time; `false` when nothing more is to be had, and the answer has
    /// to end. No token is shorter than a byte, so bytes bound what the provider will bill; and so does the cap that it was
    /// told, so that with the price of that held nothing more has to be watched.
    pub(super) fn covers(&mut self, content_bytes: u64) -> bool {
        let (Some(growing), Some(hold)) = (&mut self.growing, &mut self.hold) else { return true };
        while growing.is_mostly_seen(content_bytes) {
            if !growing.grow(hold) {
                return false;
            }
            if growing.slice.step() == 0 {
                self.growing = None;
                return true;
            }
        }
        true
    }

    /// The row of the attempt, on its way now, says this.
    pub(crate) fn settle(&mut self, usage: &Usage, cost: Option<Nanodollars>) {
        if let Some(hold) = self.hold.take() {
            hold.settle(cost);
        }
        for counted in self.counted.iter_mut().filter_map(Option::take) {
            counted.used(usage);
        }
    }
}

impl Growing {
    fn is_mostly_seen(&self, content_bytes: u64) -> bool {
        // What is held is held for each answer; what is seen is all of them together.
        let each = u64::from(self.most.candidates());
        content_bytes.saturating_mul(10) >= self.slice.held.saturating_mul(SEEN_TENTHS).saturating_mul(each)
    }

    /// Holds the next piece, or as much of it as there is money for, to the token. `false` when there is none for one.
    fn grow(&mut self, hold: &mut book::Hold) -> bool {
        let next = self.slice.step();
        if self.grow_by(next, hold) {
            return true;
        }
        let (before, mut step) = (self.slice.held, next.div_ceil(2));
        while step > 0 {
            self.grow_by(step, hold);
            step /= 2;
        }
        self.slice.held > before
    }

    fn grow_by(&mut self, step: u64, hold: &mut book::Hold) -> bool {
        let step = step.min(self.slice.step());
        let is_held = hold.grow(self.slice.price(step, &self.most, &self.target)).is_ok();
        if is_held {
            self.slice.held = self.slice.held.saturating_add(step);
        }
        is_held
    }
}

/// An attempt that was never sent: its row says that it cost nothing.
impl Drop for Spending {
    fn drop(&mut self) {
        if let Some(hold) = self.hold.take() {
            hold.release();
        }
    }
}
