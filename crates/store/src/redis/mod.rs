//! Counters of limits that several nodes share, at a Redis or Valkey server.
//!
//! One question for all limits of a call, decided by a script at the server on the server's clock: all or nothing. The
//! server is given little time. When it takes longer, fails or is away, it is given up: from then on nobody waits for it,
//! and each limit does what it declares for that ([`OnLoss`](keyward_domain::limit::OnLoss)). It is tried all the while,
//! and taken up again when it is well.
//!
//! What can get lost on the way is settled so that limits hold: a question whose answer nobody took is taken back, a
//! settlement is sent again until the server has it and counted once, places of calls in flight are given up by a node
//! that says nothing any more. No money is kept here.
//!
//! The protocol's client is our own: six commands on one connection, and who may give up waiting when is the heart of
//! the matter.

mod breaker;
mod connect;
mod core;
mod epochs;
mod health;
mod job;
mod limits;
mod link;
mod options;
mod parts;
mod places;
mod plan;
mod router;
mod script;
mod share;
mod take;
mod wire;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use keyward_domain::ledger::AttemptId;
use keyward_domain::limit::Limit;
use keyward_domain::port::{
    Amounts, Answer, Ask, Clock, Counters, Entropy, EntropyError, Level, Mark, Part, Refusal, Taken,
};
use keyward_domain::scope::Scope;
use tokio::sync::mpsc;

pub use connect::BadRoot;
pub use health::{Counted, Health, Why};
pub use options::{Address, BadUrl, CONNECT, OPERATION, Options, PREFIX, RE_ENTRY};

use self::core::Core;
use connect::Setup;
use epochs::Epochs;
use job::Job;
use limits::End;
use link::Link;
use places::Places;
use router::{MAX_LINKS, Router};
use share::Share;

/// Counters at a Redis or Valkey server, shared by all event loops of this node and by all nodes. Clones share
/// everything; the [`Driver`] ends when the last is dropped and all that was settled has been sent.
#[derive(Clone)]
pub struct RedisCounters {
    inner: Arc<Inner>,
}

/// The connections. Somebody has to run it, on one thread of their choice.
pub struct Driver {
    links: mpsc::Receiver<Link>,
}

/// What the client gets from the process.
pub struct World {
    /// Counts this node's share when the server is away.
    pub local: Arc<dyn Counters>,
    /// Time, for reports and for telling failures in a row from failures now and then.
    pub clock: Arc<dyn Clock>,
    /// Chance: the node's name, and when it comes back.
    pub entropy: Arc<dyn Entropy>,
}

/// The client cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum CannotBegin {
    /// A certificate.
    #[error(transparent)]
    Root(#[from] BadRoot),
    /// No randomness.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
}

struct Inner {
    core: Arc<Core>,
    router: Arc<Router>,
    share: Share,
    epochs: Epochs,
    next_call: AtomicU64,
}

impl RedisCounters {
    /// Begins. A server that is away is no error: limits are counted locally until it is there.
    pub fn connect(mut options: Options, world: World) -> Result<(Self, Driver), CannotBegin> {
        let mut random = [0; 8];
        world.entropy.fill(&mut random)?;
        let setup = Setup::new(&mut options)?;
        let core = Arc::new(Core {
            address: options.address,
            setup,
            is_cluster: AtomicBool::new(false),
            operation: options.operation,
            re_entry: options.re_entry,
            clock: world.clock,
            entropy: world.entropy,
            node: format!("{:016x}", u64::from_le_bytes(random)),
            places: Places::default(),
            counts: health::Counts::default(),
        });
        let (new, links) = mpsc::channel(MAX_LINKS);
        let inner = Inner {
            router: Router::new(Arc::clone(&core), new),
            core,
            share: Share::new(world.local, options.nodes),
            epochs: Epochs::default(),
            next_call: AtomicU64::new(1),
        };
        Ok((Self { inner: Arc::new(inner) }, Driver { links }))
    }

    /// Whether limits are counted together with the other nodes.
    pub fn health(&self) -> Health {
        self.inner.router.down().map_or(Health::Healthy, |(since, why)| Health::Degraded { since, why })
    }

    /// What happened since the start.
    pub fn counted(&self) -> Counted {
        self.inner.core.counts.read()
    }

    /// How many nodes share the limits now, this one included.
    pub fn set_nodes(&self, nodes: u32) {
        self.inner.share.set_nodes(nodes);
    }

    /// The end of a call: what was counted here and what was counted there.
    fn give(&self, taken: Taken, end: End, now: Duration) {
        let (mut shared, mut here) = (Vec::new(), Vec::new());
        for part in taken.parts {
            match part.mark {
                Mark::Shared { .. } => shared.push(part),
                Mark::Here(call) if limits::is_places(&part.ask.limit) => self.inner.leave(part, call),
                Mark::Here(_) => here.push(part),
                Mark::Nowhere => {}
            }
        }
        self.inner.give(&shared, end);
        if !here.is_empty() {
            match end {
                End::Undone => self.inner.share.undo(taken.id, here, now),
                End::Settled(used) => self.inner.share.settle(taken.id, here, used, now),
            }
        }
    }
}

impl Counters for RedisCounters {
    fn take(&self, asks: Vec<Ask>, id: AttemptId, now: Duration) -> Answer<Result<Taken, Refusal>> {
        take::take(self, &asks, id, now)
    }

    fn settle(&self, taken: Taken, used: Amounts, now: Duration) {
        self.give(taken, End::Settled(used), now);
    }

    fn undo(&self, taken: Taken, now: Duration) {
        self.give(taken, End::Undone, now);
    }

    fn view(&self, limit: &Arc<Limit>, scope: &Scope, now: Duration) -> Answer<Level> {
        take::view(self, limit, scope, now)
    }
}

impl Inner {
    /// Sends what becomes of what the server counted. Never waits: a server that is away gets it when it is back.
    fn give(&self, parts: &[Part], end: End) {
        for part in parts.iter().filter(|part| limits::is_places(&part.ask.limit)) {
            if let Mark::Shared { call, .. } = part.mark {
                self.core.places.release(&limits::key(&part.ask.limit, &part.ask.scope), call);
            }
        }
        for group in self.groups(parts, |part| &part.ask.limit) {
            let Some(command) = plan::give(&self.core.node, group.iter().copied(), end) else { continue };
            let Some(first) = group.first() else { continue };
            let handle = self.router.to(&limits::tag(&first.ask.limit));
            if handle.queue.try_send(Job::give(command)).is_err() {
                self.core.counts.lost_settlements.fetch_add(1, Relaxed);
            }
        }
    }

    /// Frees a place that was taken without the server, which may have been told of it meanwhile.
    fn leave(&self, part: Part, call: u64) {
        self.core.places.release(&limits::key(&part.ask.limit, &part.ask.scope), call);
        let handle = self.router.to(&limits::tag(&part.ask.limit));
        let told = Part { mark: Mark::Shared { noted: 0, call }, ..part };
        if let Some(command) = plan::give(&self.core.node, std::iter::once(&told), End::Undone) {
            // Where it is not told, it runs out.
            let _ = handle.queue.try_send(Job::leave(command));
        }
    }

    /// What one command may be about: everything, or in a cluster what has the same tag.
    fn groups<'a, T>(&self, items: &'a [T], limit: impl Fn(&'a T) -> &'a Arc<Limit>) -> Vec<Vec<&'a T>> {
        if items.is_empty() {
            return Vec::new();
        }
        if !self.core.is_cluster() {
            return vec![items.iter().collect()];
        }
        let mut groups: Vec<Vec<&T>> = Vec::new();
        for item in items {
            let tenant = limit(item).tenant;
            let same = groups.iter_mut().find(|group| group.first().is_some_and(|first| limit(first).tenant == tenant));
            match same {
                Some(group) => group.push(item),
                None => groups.push(vec![item]),
            }
        }
        groups
    }
}

impl Driver {
    /// Runs the connections until all [`RedisCounters`] are dropped.
    pub async fn run(mut self) {
        let mut running = FuturesUnordered::new();
        let mut more = true;
        while more || !running.is_empty() {
            tokio::select! {
                link = self.links.recv(), if more => match link {
                    Some(link) => running.push(link.run()),
                    None => more = false,
                },
                Some(()) = running.next(), if !running.is_empty() => {}
            }
        }
    }
}
