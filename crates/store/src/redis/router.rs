//! Which server has which keys. Without a cluster there is one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use foldhash::fast::RandomState;
use keyward_domain::time::Timestamp;
use tokio::sync::mpsc;

use super::core::Core;
use super::health::{Pulse, Why};
use super::job::Job;
use super::link::Link;
use super::options::Address;
use super::parts::Parts;

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
    /// Who said last that it has them, or was said to.
    by_slot: HashMap<u16, Handle, RandomState>,
    parts: Parts,
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

    /// Whom to ask for the keys of this tag: who has them, as far as is known; while that server is away, any other,
    /// because all of them know who has what now.
    pub(super) fn to(&self, tag: &str) -> Handle {
        if !self.core.is_cluster() {
            return self.seed.clone();
        }
        self.with(|nodes| {
            let owner = nodes.by_slot.get(&slot(tag)).unwrap_or(&self.seed);
            let is_there = |handle: &&Handle| !handle.pulse.is_given_up();
            let other = || std::iter::once(&self.seed).chain(nodes.by_address.values()).find(is_there);
            if owner.pulse.is_away() { other().unwrap_or(owner).clone() } else { owner.clone() }
        })
    }

    /// Who has the keys of this tag, as far as is known, there or away.
    pub(super) fn owner(&self, tag: &str) -> Handle {
        self.with(|nodes| nodes.by_slot.get(&slot(tag)).unwrap_or(&self.seed).clone())
    }

    /// Whether nobody asks for the keys of this tag, because nobody has them just now.
    pub(super) fn is_resting(&self, tag: &str) -> bool {
        let now = || self.core.clock.monotonic();
        self.core.is_cluster() && self.with(|nodes| nodes.parts.is_resting(slot(tag), now()))
    }

    /// The keys of this tag could not be asked for, through no fault of the server that was asked.
    pub(super) fn part_failed(&self, tag: &str, why: Why) {
        let (at, now) = (self.core.clock.now(), self.core.clock.monotonic());
        self.with(|nodes| nodes.parts.badly(slot(tag), why, at, now));
    }

    /// They were asked for, and there was an answer.
    pub(super) fn part_answered(&self, tag: &str) {
        self.with(|nodes| nodes.parts.well(slot(tag)));
    }

    /// Since when limits are counted locally, some or all, and why. A server that has no keys of ours may be away.
    pub(super) fn down(&self) -> Option<(Timestamp, Why)> {
        let now = self.core.clock.monotonic();
        self.with(|nodes| {
            let is_alone = || nodes.by_address.values().all(|handle| handle.pulse.is_given_up());
            let seed = if !self.core.is_cluster() || is_alone() { self.seed.pulse.down() } else { None };
            let owners = nodes.by_slot.values().filter(|owner| owner.pulse.is_given_up());
            let servers = owners.filter_map(|owner| owner.pulse.down());
            servers.chain(seed).chain(nodes.parts.down(now)).min_by_key(|(since, _)| *since)
        })
    }

    /// A server said that another one has the keys: `MOVED 3999 host:port` for good, `ASK 3999 host:port` for this time.
    /// That server, and whether it has to be told that it is asked so; none when it is away. `from` is who said it: a
    /// server that does not know its own address means the one that it was reached at.
    pub(super) fn redirected(self: &Arc<Self>, error: &str, from: &Address) -> Option<(Handle, bool)> {
        let mut words = error.split(' ');
        let asking = match words.next()? {
            "MOVED" => false,
            "ASK" => true,
            _ => return None,
        };
        let slot: u16 = words.next()?.parse().ok()?;
        let address = place(words.next()?, from)?;
        let handle = self.at(address)?;
        if !asking && slot < SLOTS {
            self.with(|nodes| nodes.by_slot.insert(slot, handle.clone()));
        }
        (!handle.pulse.is_away()).then_some((handle, asking))
    }

    fn at(self: &Arc<Self>, address: Address) -> Option<Handle> {
        self.with(|nodes| {
            if let Some(known) = nodes.by_address.get(&address) {
                return Some(known.clone());
            }
            if nodes.by_address.len() >= MAX_LINKS {
                nodes.forget_the_lost(&self.core.address);
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

impl Nodes {
    /// Servers that are away, all but the configured one: addresses change when machines are replaced.
    fn forget_the_lost(&mut self, configured: &Address) {
        self.by_address.retain(|address, handle| address == configured || !handle.pulse.is_away());
        self.by_slot.retain(|_, handle| !handle.pulse.is_away());
    }
}

/// Where a server says that another one is.
fn place(text: &str, from: &Address) -> Option<Address> {
    let port = text.strip_prefix(':').and_then(|port| port.parse().ok());
    match (port, from) {
        (Some(port), Address::Tcp(host, _)) => Some(Address::Tcp(host.clone(), port)),
        _ => Address::parse(text),
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
    use super::{Address, place, slot};

    #[test]
    fn slots_are_those_of_the_specification() {
        // The specification's check value, and keys that every client knows.
        assert_eq!(slot("123456789"), 0x31C3);
        assert_eq!(slot("foo"), 12_182);
        assert_eq!(slot("kw:{foo}:epoch"), 12_182);
    }

    #[test]
    fn f32_servers_name_each_other_in_several_ways() {
        let from = Address::Tcp("counters.example".to_owned(), 7_000);
        for (text, host, port) in [
            ("192.0.2.1:7001", "192.0.2.1", 7_001),
            (":7001", "counters.example", 7_001),
            ("::1:7001", "::1", 7_001),
            ("other.example:7001", "other.example", 7_001),
        ] {
            assert_eq!(place(text, &from), Some(Address::Tcp(host.to_owned(), port)), "{text}");
        }
        for nonsense in [":", "", ":99999", "host:"] {
            assert_eq!(place(nonsense, &from), None, "{nonsense}");
        }
    }
}
