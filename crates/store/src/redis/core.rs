//! What every part of the client needs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use keyward_domain::port::{Clock, Entropy};

use super::connect::Setup;
use super::health::{Counts, Pulse, Why};
use super::options::Address;
use super::places::Places;
use super::plan;
use super::script::Command;

/// What every part of the client needs.
pub(super) struct Core {
    pub(super) address: Address,
    pub(super) setup: Setup,
    /// What the server said when it was connected to. In a cluster each tenant's limits are asked on their own.
    pub(super) is_cluster: AtomicBool,
    pub(super) operation: Duration,
    pub(super) re_entry: Duration,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
    /// A name that no other node has, nor this one after a restart.
    pub(super) node: String,
    pub(super) places: Places,
    pub(super) counts: Counts,
}

impl Core {
    pub(super) fn is_cluster(&self) -> bool {
        self.is_cluster.load(Relaxed)
    }

    /// Nobody asks this server any more.
    pub(super) fn give_up(&self, pulse: &Pulse, why: Why) {
        if pulse.give_up(self.clock.now(), why) {
            self.counts.degraded.fetch_add(1, Relaxed);
        }
    }

    /// A moment within the time in which nodes come back.
    pub(super) fn re_entry_in(&self) -> Duration {
        let mut random = [0; 2];
        // Without randomness they come back late rather than at once.
        let share = self.entropy.fill(&mut random).map_or(u32::from(u16::MAX), |()| u16::from_le_bytes(random).into());
        self.re_entry.saturating_mul(share) / u32::from(u16::MAX)
    }

    /// Signs of life of all calls in flight.
    pub(super) fn keep_places(&self) -> Vec<Command> {
        self.places.keep(|call| plan::name(&self.node, call))
    }
}
