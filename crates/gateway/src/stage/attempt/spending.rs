//! What an open attempt holds of budgets and has taken of limits, until its row says what it really used.

use std::sync::Arc;

use keyward_domain::money::Nanodollars;
use keyward_domain::usage::Usage;
use keyward_limit::book;

use super::allow::Allowed;
use super::draft::Draft;
use crate::snapshot::Deployment;
use crate::stage::admit::{self, Counted, Most};

/// More is held of a stream when this much of what is held was seen, in tenths.
const SEEN_TENTHS: u64 = 8;

/// What an open attempt holds and has taken.
#[derive(Default)]
pub(crate) struct Spending {
    hold: Option<book::Hold>,
    /// Of limits: what the call has taken, and what this attempt has.
    counted: [Option<Counted>; 2],
    slice: Option<Slice>,
}

/// A stream of which only the beginning is held.
struct Slice {
    most: Most,
    target: Option<Arc<Deployment>>,
    /// Tokens of output that are held.
    held: u64,
}

impl Spending {
    pub(super) fn of(allowed: Allowed, draft: &Draft) -> Self {
        let counted = [draft.counted.clone(), allowed.counted];
        let Some(money) = allowed.money else { return Self { hold: None, counted, slice: None } };
        let slice = money.fit.slice.map(|held| Slice { most: draft.most, target: None, held });
        Self { hold: money.into_hold(), counted, slice }
    }

    /// What was held and taken earlier, perhaps on another event loop, and all of it.
    pub(crate) fn again(hold: Option<book::Hold>, counted: [Option<Counted>; 2]) -> Self {
        Self { hold, counted, slice: None }
    }

    /// Where the attempt is made.
    pub(super) fn at(&mut self, target: &Arc<Deployment>) {
        if let Some(slice) = &mut self.slice {
            slice.target = Some(Arc::clone(target));
        }
    }

    /// From here on the attempt counts.
    pub(crate) fn mark_sent(&self) {
        self.counted.iter().flatten().for_each(Counted::mark_sent);
    }

    /// Whether only the beginning of the answer is held.
    pub(super) const fn is_sliced(&self) -> bool {
        self.slice.is_some()
    }

    /// Answers that were asked for.
    pub(super) fn candidates(&self) -> u32 {
        self.slice.as_ref().map_or(1, |slice| slice.most.candidates())
    }

    /// So many bytes of content were seen. Holds more in time; `false` when nothing more is to be had, and the answer has
    /// to end. No token is shorter than a byte, so bytes bound what the provider will bill.
    pub(super) fn covers(&mut self, content_bytes: u64) -> bool {
        let (Some(slice), Some(hold)) = (&mut self.slice, &mut self.hold) else { return true };
        let Some(target) = &slice.target else { return true };
        // What is held is held for each answer; what is seen is all of them together.
        let each = u64::from(slice.most.candidates());
        while content_bytes.saturating_mul(10) >= slice.held.saturating_mul(SEEN_TENTHS).saturating_mul(each) {
            let (next, more) = admit::slice(&slice.most, target, slice.held);
            if hold.grow(more).is_err() {
                return false;
            }
            slice.held = next;
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

/// An attempt that was never sent: its row says that it cost nothing.
impl Drop for Spending {
    fn drop(&mut self) {
        if let Some(hold) = self.hold.take() {
            hold.release();
        }
    }
}
