//! How much of a budget a node of a fleet sets aside for itself, and when it asks for more.
//!
//! Much at once means few questions; little at once means that the last of the budget is not stuck with nodes that do not
//! need it, and that little is in doubt when one is cut off. So: enough for [`AHEAD`], but never more than a fourth of what
//! an equal share would be, and near the end of the budget exactly what the next call needs.

use std::time::Duration;

use keyward_domain::money::Nanodollars;

/// For how long a chunk should last.
pub const AHEAD: Duration = Duration::from_secs(30);
/// A node's equal share of the limit is cut into this many chunks.
const PARTS_OF_A_SHARE: i64 = 4;
/// With less than this left, each call asks for itself: one dollar.
const TINY: Nanodollars = Nanodollars(1_000_000_000);

/// What a chunk's size depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Demand {
    /// What may be spent in the window.
    pub limit: Nanodollars,
    /// What is neither spent nor set aside, as last seen.
    pub left: Nanodollars,
    /// Nodes that share the budget, this one included.
    pub nodes: u32,
    /// What this node spent within the last [`AHEAD`].
    pub spent: Nanodollars,
    /// What the next call can cost at most.
    pub next_call: Nanodollars,
}

/// How much a node should have at hand: min(limit / (4 x nodes), the spending of 30 seconds), but enough for its next
/// call, and just that when hardly anything is left.
pub fn wanted(demand: &Demand) -> Nanodollars {
    if demand.left < TINY {
        return demand.next_call;
    }
    let parts = i64::from(demand.nodes.max(1)).saturating_mul(PARTS_OF_A_SHARE);
    let share = Nanodollars(demand.limit.0 / parts);
    demand.spent.min(share).max(demand.next_call)
}

/// Whether it is time to ask for more: half of what the chunk began with is spent or held.
pub fn is_due(begun_with: Nanodollars, left: Nanodollars) -> bool {
    left.0 <= begun_with.0 / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    const USD: i64 = 1_000_000_000;

    const fn demand(limit: i64, left: i64, nodes: u32, spent: i64, next_call: i64) -> Demand {
        Demand {
            limit: Nanodollars(limit),
            left: Nanodollars(left),
            nodes,
            spent: Nanodollars(spent),
            next_call: Nanodollars(next_call),
        }
    }

    #[test]
    fn a_chunk_lasts_thirty_seconds_within_a_fourth_of_a_share() {
        for (of, is) in [
            (demand(100 * USD, 50 * USD, 5, 2 * USD, USD / 100), 2 * USD),
            (demand(100 * USD, 50 * USD, 5, 9 * USD, USD / 100), 5 * USD),
            (demand(100 * USD, 50 * USD, 0, 99 * USD, 0), 25 * USD),
            (demand(100 * USD, 50 * USD, 5, 0, USD / 100), USD / 100),
            (demand(100 * USD, USD, 5, 9 * USD, USD / 50), 5 * USD),
            (demand(100 * USD, USD - 1, 5, 9 * USD, USD / 50), USD / 50),
            (demand(i64::MAX, i64::MAX, u32::MAX, i64::MAX, 1), i64::MAX / (4 * i64::from(u32::MAX))),
        ] {
            assert_eq!(wanted(&of), Nanodollars(is), "{of:?}");
        }
    }

    #[test]
    fn more_is_asked_for_when_half_is_gone() {
        assert!(!is_due(Nanodollars(100), Nanodollars(51)));
        assert!(is_due(Nanodollars(100), Nanodollars(50)));
        assert!(is_due(Nanodollars(0), Nanodollars(0)));
    }
}
