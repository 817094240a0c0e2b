//! Those who want the same.

use std::collections::BTreeMap;
use std::time::Duration;

use keyward_domain::ids::TenantId;
use keyward_domain::virtual_key::Priority;

use super::Ticket;
use super::turns::Turns;

/// One line: higher priorities first, within a priority the tenants in turn.
#[derive(Debug, Default)]
pub(super) struct Line {
    by_priority: BTreeMap<Priority, Turns>,
    /// Before this moment there is no room, as whoever was refused last was told.
    pub(super) until: Duration,
}

impl Line {
    pub(super) fn is_empty(&self) -> bool {
        self.by_priority.is_empty()
    }

    /// Who is next.
    pub(super) fn head(&self) -> Option<Ticket> {
        self.by_priority.values().next_back()?.head()
    }

    /// The highest priority that waits.
    pub(super) fn highest(&self) -> Option<Priority> {
        self.by_priority.keys().next_back().copied()
    }

    pub(super) fn add(&mut self, priority: Priority, tenant: TenantId, ticket: Ticket, cost: u64) {
        self.by_priority.entry(priority).or_default().add(tenant, ticket, cost);
    }

    pub(super) fn remove(&mut self, priority: Priority, tenant: TenantId, ticket: Ticket, is_served: bool) {
        let Some(turns) = self.by_priority.get_mut(&priority) else { return };
        turns.remove(tenant, ticket, is_served);
        if turns.is_empty() {
            self.by_priority.remove(&priority);
        }
    }
}
