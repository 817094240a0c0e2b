//! One event loop on one thread.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use keyward_domain::port::Journal;
use rustls::ClientConfig;
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::Phase;
use super::accept::{Doors, Guest, Guests, accept};
use super::connection::serve;
use crate::ledger::Ledger;
use crate::stage::relay::Abandoned;
use crate::upstream::Upstream;
use crate::worker::{Shared, Worker};

/// How often opened credentials that nobody uses are forgotten.
const TIDY_EVERY: Duration = Duration::from_secs(30);
/// Where callers within this process come from, as far as a virtual key's networks are concerned.
const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// After the grace period, answers that were cut get this long to settle.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// What an event loop starts with.
pub(super) struct EventLoop {
    pub(super) shared: Arc<Shared>,
    pub(super) tls: Arc<ClientConfig>,
    pub(super) journal: Box<dyn Journal>,
    pub(super) guests: Guests,
    pub(super) listener: Option<(std::net::TcpListener, Doors)>,
    pub(super) phase: watch::Receiver<Phase>,
}

impl EventLoop {
    /// Starts the thread.
    pub(super) fn start(self, number: usize) -> io::Result<JoinHandle<()>> {
        let runtime = || Builder::new_current_thread().enable_all().build_local(LocalOptions::default());
        thread::Builder::new().name(format!("gateway-{number}")).spawn(move || match runtime() {
            Ok(runtime) => runtime.block_on(self.run()),
            Err(error) => tracing::error!(%error, "an event loop could not be made"),
        })
    }

    async fn run(self) {
        let options = &self.shared.options;
        let upstream = Upstream::new(self.tls, options.deadlines.connect, options.limits.idle_upstream);
        let ledger = Rc::new(Ledger::new(self.journal, options.durability));
        let (worker, abandoned) = Worker::new(Arc::clone(&self.shared), upstream, Rc::clone(&ledger));

        let mut tasks = JoinSet::new();
        tasks.spawn_local({
            let ledger = Rc::clone(&ledger);
            async move { ledger.run().await }
        });
        tasks.spawn_local(tidy(Rc::clone(&worker)));
        let mut accepting = JoinSet::new();
        if let Some((listener, doors)) = self.listener {
            let metrics = Arc::clone(&self.shared.metrics);
            accepting.spawn_local(accept(listener, doors, metrics));
        }
        let mut reading_on = JoinSet::new();
        let seated = Arc::clone(&self.guests.seated);
        let mut phase = self.phase;
        let mut guests = self.guests.receiver;
        let mut connections = Connections { tasks: JoinSet::new(), seated };
        let grace = receive(&worker, &mut guests, abandoned, &mut phase, &mut connections, &mut reading_on).await;

        drop((accepting, guests));
        drop(
            timeout(grace, async {
                connections.all_gone().await;
                while reading_on.join_next().await.is_some() {}
            })
            .await,
        );
        connections.tasks.shutdown().await;
        reading_on.shutdown().await;
        drop(timeout(LAST_WORDS, ledger.commit()).await);
        tasks.shutdown().await;
    }
}

/// The connections of an event loop.
struct Connections {
    tasks: JoinSet<()>,
    seated: Arc<AtomicUsize>,
}

impl Connections {
    /// Serves a guest from now on.
    fn seat(&mut self, guest: Guest, worker: &Rc<Worker>, phase: &watch::Receiver<Phase>) {
        let (worker, phase) = (Rc::clone(worker), phase.clone());
        match guest {
            Guest::Tcp(stream, peer) => match tokio::net::TcpStream::from_std(stream) {
                Ok(stream) => drop(self.tasks.spawn_local(serve(worker, stream, peer, phase))),
                Err(_) => drop(self.seated.fetch_sub(1, Ordering::Relaxed)),
            },
            Guest::Local(stream) => drop(self.tasks.spawn_local(serve(worker, stream, HERE, phase))),
        }
    }

    async fn all_gone(&mut self) {
        while self.tasks.join_next().await.is_some() {
            self.seated.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// Takes in connections and abandoned answers until it is time to go; returns how much time is left then.
async fn receive(
    worker: &Rc<Worker>,
    guests: &mut UnboundedReceiver<Guest>,
    mut abandoned: UnboundedReceiver<Abandoned>,
    phase: &mut watch::Receiver<Phase>,
    connections: &mut Connections,
    reading_on: &mut JoinSet<()>,
) -> Duration {
    let mut draining = phase.clone();
    loop {
        tokio::select! {
            Some(guest) = guests.recv() => connections.seat(guest, worker, phase),
            Some(answer) = abandoned.recv() => {
                reading_on.spawn_local(answer.read_to_end());
            }
            Some(ended) = connections.tasks.join_next() => {
                connections.seated.fetch_sub(1, Ordering::Relaxed);
                if let Err(error) = ended && error.is_panic() {
                    tracing::error!("a connection's task panicked; the connection is closed, everything else goes on");
                }
            }
            Some(_) = reading_on.join_next() => {}
            _ = draining.changed() => {
                return match *draining.borrow() {
                    Phase::Draining(grace) => grace,
                    Phase::Serving => Duration::ZERO,
                };
            }
        }
    }
}

async fn tidy(worker: Rc<Worker>) {
    let mut ticks = interval(TIDY_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        worker.opened.forget(worker.monotonic(), worker.shared.vault.is_locked());
        worker.shared.leases.expire(&worker).await;
        worker.shared.leases.count(&worker).await;
    }
}
