//! Deficit round robin between tenants (Shreedhar and Varghese, 1995). A tenant's turn pays for one call at least; what
//! is left of it counts towards the tenant's next turn, so that over time all tenants get the same, however large the
//! calls of each are.

use std::collections::{BTreeMap, HashMap, VecDeque};

use foldhash::fast::RandomState;
use keyward_domain::ids::TenantId;

use super::Ticket;

/// The waiters of one priority in one line.
#[derive(Debug, Default)]
pub(super) struct Turns {
    /// Tenants that wait; the first has its turn.
    order: VecDeque<TenantId>,
    shares: HashMap<TenantId, Share, RandomState>,
    /// Whose turn has begun.
    begun: Option<TenantId>,
    /// What one turn pays for: the dearest call that came since nobody waited, so that no turn is too small for a call.
    quantum: u64,
}

/// The waiters of one tenant, oldest first, and what each costs.
#[derive(Debug, Default)]
struct Share {
    credit: u64,
    costs: BTreeMap<Ticket, u64>,
}

impl Turns {
    pub(super) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Who is next.
    pub(super) fn head(&self) -> Option<Ticket> {
        let share = self.shares.get(self.order.front()?)?;
        share.costs.keys().next().copied()
    }

    /// One more waiter. Within its tenant the older ticket goes first.
    pub(super) fn add(&mut self, tenant: TenantId, ticket: Ticket, cost: u64) {
        self.quantum = self.quantum.max(cost);
        if !self.shares.contains_key(&tenant) {
            self.order.push_back(tenant);
        }
        self.shares.entry(tenant).or_default().costs.insert(ticket, cost);
        self.settle();
    }

    /// A waiter is gone. Its tenant pays only when it was served.
    pub(super) fn remove(&mut self, tenant: TenantId, ticket: Ticket, is_served: bool) {
        let Some(share) = self.shares.get_mut(&tenant) else { return };
        let Some(cost) = share.costs.remove(&ticket) else { return };
        if is_served {
            share.credit = share.credit.saturating_sub(cost);
        }
        if share.costs.is_empty() {
            // Who does not wait saves nothing up.
            self.shares.remove(&tenant);
            self.order.retain(|other| *other != tenant);
        }
        self.settle();
    }

    /// The first tenant's turn begins, or ends when its credit does not cover its next call. A new turn covers any call,
    /// so one step is enough.
    fn settle(&mut self) {
        let Some(first) = self.order.front().copied() else {
            (self.begun, self.quantum) = (None, 0);
            return;
        };
        if self.begun == Some(first) {
            if self.is_covered(first) {
                return;
            }
            self.order.rotate_left(1);
        }
        self.begun = self.order.front().copied();
        if let Some(share) = self.begun.and_then(|next| self.shares.get_mut(&next)) {
            share.credit = share.credit.saturating_add(self.quantum);
        }
    }

    fn is_covered(&self, tenant: TenantId) -> bool {
        let next = |share: &Share| share.costs.values().next().is_some_and(|cost| *cost <= share.credit);
        self.shares.get(&tenant).is_some_and(next)
    }
}
