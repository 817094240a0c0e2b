//! L05: who waits, who goes first, and who has to leave.

mod bounds;
mod fairness;
mod lines;
mod order;

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use keyward_domain::ids::{TeamId, TenantId};
use keyward_domain::limit::Meter;
use keyward_domain::scope::Scope;
use keyward_domain::virtual_key::Priority;
use keyward_limit::queue::{Bell, Entry, Full, Left, Places, Queue, Standing, Ticket, Want};

/// When every test begins.
const NOW: Duration = Duration::from_secs(100);
/// How long everybody waits.
const WAIT: Duration = Duration::from_secs(2);

/// Counts how often it was rung.
#[derive(Debug, Clone, Default)]
struct Rung(Rc<Cell<u32>>);

impl Bell for Rung {
    fn ring(&self) {
        self.0.set(self.0.get() + 1);
    }
}

/// A waiter as a test sees it.
struct Call {
    ticket: Ticket,
    bell: Rung,
}

impl Call {
    /// How often its bell was rung since it was last asked.
    fn rung(&self) -> u32 {
        self.bell.0.replace(0)
    }
}

/// A queue at a moment.
struct Room {
    queue: Queue<Rung>,
    now: Duration,
}

impl Room {
    fn new(all: usize, per_tenant: usize) -> Self {
        Self { queue: Queue::new(Places { all, per_tenant }), now: NOW }
    }

    fn join_for(&mut self, want: &Want, tenant: u128, priority: Priority, cost: u64) -> Result<Call, Full> {
        let bell = Rung::default();
        let tenant = TenantId::from_bits(tenant);
        let entry = Entry { want: want.clone(), tenant, priority, cost, deadline: self.now + WAIT };
        let ticket = self.queue.join(entry, bell.clone(), self.now)?;
        Ok(Call { ticket, bell })
    }

    fn try_join(&mut self, tenant: u128, priority: Priority) -> Result<Call, Full> {
        self.join_for(&places(1), tenant, priority, 1)
    }

    fn join(&mut self, tenant: u128, priority: Priority) -> Call {
        self.try_join(tenant, priority).unwrap()
    }

    /// Whoever is first of these is served.
    fn serve(&mut self, calls: &[Call]) -> Option<usize> {
        let first = calls.iter().position(|call| self.queue.standing(call.ticket) == Standing::Head)?;
        self.queue.leave(calls[first].ticket, Left::Served);
        Some(first)
    }

    /// All of these in the order in which they are served.
    fn serve_all(&mut self, calls: &[Call]) -> Vec<usize> {
        std::iter::from_fn(|| self.serve(calls)).collect()
    }

    fn is_gone(&self, call: &Call) -> bool {
        self.queue.standing(call.ticket) == Standing::Gone
    }
}

/// A place among so many calls at once on a team.
fn places(team: u128) -> Want {
    Want::Limit { scope: Scope::Team(TeamId::from_bits(team)), meter: Meter::Concurrency, period: None }
}
