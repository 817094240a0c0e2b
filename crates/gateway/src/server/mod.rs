//! Event loops, connections and the way they end.

mod accept;
mod connection;
mod event_loop;
mod health;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use keyward_domain::port::{Clock, Entropy, JournalError, Journals, Store, StoreError};
use keyward_limit::rate::Guesses;
use keyward_pool::RetryBudget;
use keyward_vault::Vault;
use tokio::io::DuplexStream;
use tokio::sync::watch;

use crate::bindings::Bindings;
use crate::capacities::Capacities;
use crate::counting::Counting;
use crate::idempotency::Repeats;
use crate::lease::LeaseDesk;
use crate::line::Line;
use crate::metrics::Metrics;
use crate::options::Options;
use crate::prompt_tokens::PromptTokens;
use crate::snapshot::SnapshotHandle;
use crate::upstream::client_config;
use crate::worker::Shared;
use accept::{Doors, Guest};
use event_loop::EventLoop;

/// Bytes that a caller within this process and its event loop may be ahead of each other, in each direction.
const LOCAL_BUFFER: usize = 64 * 1024;

/// The data plane, not yet running.
pub struct Gateway {
    /// What the operator set.
    pub options: Options,
    /// Where the configuration comes from.
    pub snapshot: SnapshotHandle,
    /// Opens credentials.
    pub vault: Arc<Vault>,
    /// Makes the ledger's journals.
    pub journals: Arc<dyn Journals>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub entropy: Arc<dyn Entropy>,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// Which account holds what calls refer to.
    pub bindings: Arc<Bindings>,
    /// Keeps leases, and the names of calls that were made; calls never ask it anything.
    pub leases: Arc<dyn Store>,
    /// What was spent and used.
    pub counting: Counting,
}

/// The data plane, running on threads of its own.
pub struct Running {
    address: SocketAddr,
    doors: Doors,
    phase: watch::Sender<Phase>,
    threads: Vec<JoinHandle<()>>,
}

/// Where in its life the data plane is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Takes calls.
    Serving,
    /// Takes no more calls and finishes those under way until this much time has passed.
    Draining(Duration),
}

/// Why the data plane does not run.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address is taken or not ours.
    #[error("cannot listen on {0}: {1}. Is another server running there? Set `listen.data` to another address.")]
    Listen(SocketAddr, io::Error),
    /// A thread or its event loop could not be made.
    #[error("cannot start an event loop: {0}")]
    EventLoop(io::Error),
    /// The ledger's journal cannot be written.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The leases that are open, or the names of calls that were made, could not be read.
    #[error(transparent)]
    Leases(#[from] StoreError),
    /// A root certificate in the configuration is not one.
    #[error(transparent)]
    BadRoot(#[from] crate::upstream::BadRoot),
}

impl Gateway {
    /// Opens the listener and starts the event loops. Calls are served when this returns.
    pub fn start(self) -> Result<Running, StartError> {
        let listen = self.options.listen;
        let listener = accept::listen(listen).map_err(|error| StartError::Listen(listen, error))?;
        let address = listener.local_addr().map_err(StartError::EventLoop)?;
        self.run(Some(listener), address)
    }

    /// Starts the event loops without a listener: calls come from within this process, by [`Running::connect`].
    pub fn start_local(self) -> Result<Running, StartError> {
        let address = self.options.listen;
        self.run(None, address)
    }

    fn run(self, listener: Option<std::net::TcpListener>, address: SocketAddr) -> Result<Running, StartError> {
        let tls = client_config(&self.options.extra_roots)?;
        let workers = self.options.workers.max(1);
        let max_connections = self.options.limits.connections;
        let (phase, watcher) = watch::channel(Phase::Serving);
        let line = Line::new(&self.options.queue);
        let repeats = Repeats::remembered(&*self.leases, self.clock.now(), self.clock.monotonic())?;
        let leases = LeaseDesk::open(self.leases, &self.counting, &self.snapshot.load())?;
        let capacities = Capacities { snapshot: self.snapshot.clone(), clock: Arc::clone(&self.clock) };
        self.metrics.register_more(|registry| registry.register_collector(Box::new(capacities)));
        let shared = Arc::new(Shared {
            options: self.options,
            snapshot: self.snapshot,
            vault: self.vault,
            clock: self.clock,
            entropy: self.entropy,
            metrics: self.metrics,
            bindings: self.bindings,
            leases,
            retries: RetryBudget::new(),
            prompt_tokens: PromptTokens::new(self.counting.tokenizer.clone()),
            counting: self.counting,
            repeats,
            guesses: Guesses::default(),
            line,
        });
        let (doors, guests): (Vec<_>, Vec<_>) = (0..workers).map(|_| accept::door()).unzip();
        let doors = Doors::new(doors, max_connections);
        let mut listener = listener.map(|listener| (listener, doors.clone()));
        let mut threads = Vec::with_capacity(workers);
        for (number, guests) in guests.into_iter().enumerate() {
            let event_loop = EventLoop {
                shared: Arc::clone(&shared),
                tls: Arc::clone(&tls),
                journal: self.journals.open(number)?,
                guests,
                // The first event loop also answers the door and seats guests where there is most room.
                listener: listener.take(),
                phase: watcher.clone(),
            };
            threads.push(event_loop.start(number).map_err(StartError::EventLoop)?);
        }
        Ok(Running { address, doors, phase, threads })
    }
}

impl Running {
    /// Where clients connect; without a listener, where they would.
    pub const fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// A connection from within this process: the same HTTP as through the listener, without a socket. `None` when as
    /// many connections are open as there may be, or when no more are taken.
    pub fn connect(&self) -> Option<DuplexStream> {
        let (ours, theirs) = tokio::io::duplex(LOCAL_BUFFER);
        self.doors.seat(Guest::Local(theirs)).then_some(ours)
    }

    /// Stops taking calls, finishes those under way, and returns when the last ledger row is committed. What is not
    /// finished after `grace` is cut and settled. Blocks.
    pub fn drain(self, grace: Duration) {
        // Event loops that are gone already need not be told.
        let _ = self.phase.send(Phase::Draining(grace));
        for thread in self.threads {
            if thread.join().is_err() {
                tracing::error!("an event loop ended in a panic");
            }
        }
    }
}
