//! Which server has which keys. Without a cluster there is one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use foldhash::fast::RandomState;
use tokio::sync::mpsc;

use super::core::Core;
use super::health::Pulse;
use super::job::Job;
use super::link::Link;
use super::options::Address;

/// The most commands that wait for one connection.
const QUEUE: usize = 16_384;

/// The most servers of a cluster that are talked to.
pub(super) const MAX_LINKS: usize = 64;

/// How many parts a cluster's keys are divided into.
const SLOTS: u16 = 16_384;

/// A server, as callers see it.
#[derive(Clone)]
pub(super) struct Handle {
    pub(super) queue: mpsc::Sender<Job>,
    pub(super) pulse: Arc<Pulse>,
}

/// All servers that are known.
pub(super) struct Router {
    core: Arc<Core>,
    seed: Handle,
    nodes: Mutex<Nodes>,
    /// Connections that somebody has to run.
    new: mpsc::Sender<Link>,
}

#[derive(Default)]
struct Nodes {
    by_address: HashMap<Address, Handle, RandomState>,
    by_slot: HashMap<u16, Handle, RandomState>,
}

impl Router {
    /// Knows the configured server; its connection is the first of `new`.
    pub(super) fn new(core: Arc<Core>, new: mpsc::Sender<Link>) -> Arc<Self> {
        Arc::new_cyclic(|router| {
            let address = core.address.clone();
            let (seed, link) = open(&core, address.clone(), router);
            let _ = new.try_send(link);
            let mut nodes = Nodes::default();
            nodes.by_address.insert(address, seed.clone());
            Self { core, seed, nodes: Mutex::new(nodes), new }
        })
    }

    /// The server that has the keys of this tag, as far as is known.
    pub(super) fn to(&self, tag: &str) -> Handle {
        if !self.core.cluster {
            return self.seed.clone();
        }
        self.with(|nodes| nodes.by_slot.get(&slot(tag)).unwrap_or(&self.seed).clone())
    }

    /// Every server.
    pub(super) fn all(&self) -> Vec<Handle> {
        self.with(|nodes| nodes.by_address.values().cloned().collect())
    }

    /// A server said that another one has the keys: `MOVED 3999 host:port` for good, `ASK 3999 host:port` for this time.
    /// That server, and whether it has to be told that it is asked so.
    pub(super) fn redirected(self: &Arc<Self>, error: &str) -> Option<(Handle, bool)> {
        let mut words = error.split(' ');
        let asking = match words.next()? {
            "MOVED" => false,
            "ASK" => true,
            _ => return None,
        };
        let slot: u16 = words.next()?.parse().ok()?;
        let address = Address::parse(words.next()?)?;
        let handle = self.at(address)?;
        if !asking && slot < SLOTS {
            self.with(|nodes| nodes.by_slot.insert(slot, handle.clone()));
        }
        Some((handle, asking))
    }

    fn at(self: &Arc<Self>, address: Address) -> Option<Handle> {
        self.with(|nodes| {
            if let Some(known) = nodes.by_address.get(&address) {
                return Some(known.clone());
            }
            if nodes.by_address.len() >= MAX_LINKS {
                return None;
            }
            let (handle, link) = open(&self.core, address.clone(), &Arc::downgrade(self));
            self.new.try_send(link).ok()?;
            nodes.by_address.insert(address, handle.clone());
            Some(handle)
        })
    }

    fn with<R>(&self, act: impl FnOnce(&mut Nodes) -> R) -> R {
        act(&mut self.nodes.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn open(core: &Arc<Core>, address: Address, router: &Weak<Router>) -> (Handle, Link) {
    let (queue, jobs) = mpsc::channel(QUEUE);
    let pulse = Arc::new(Pulse::starting(core.clock.now()));
    let link = Link::new(address, Arc::clone(core), Arc::clone(&pulse), jobs, queue.downgrade(), Weak::clone(router));
    (Handle { queue, pulse }, link)
}

/// Which part of the cluster has the keys of a tag: what is between the braces decides.
fn slot(tag: &str) -> u16 {
    let inner = tag.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map_or(tag, |(inner, _)| inner);
    // CRC-16/XMODEM, as the cluster's specification says.
    let crc = inner.bytes().fold(0_u16, |crc, byte| {
        (0..8).fold(
            crc ^ (u16::from(byte) << 8),
            |crc, _| {
                if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 }
            },
        )
    });
    crc % SLOTS
}

#[cfg(test)]
mod tests {
    use super::slot;

    #[test]
    fn slots_are_those_of_the_specification() {
        // The specification's check value, and keys that every client knows.
        assert_eq!(slot("123456789"), 0x31C3);
        assert_eq!(slot("foo"), 12_182);
        assert_eq!(slot("kw:{foo}:epoch"), 12_182);
    }
}
