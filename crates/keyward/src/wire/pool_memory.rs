//! What pools learn outlives the process: a thread writes every change of a standing to the store, ends rests whose time
//! has come, and lets go of what is too old to matter.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context as _;
use keyward_domain::binding::Binding;
use keyward_domain::port::{Clock, MAX_BINDINGS, Store, StoreError};
use keyward_domain::standing::KeyEvent;
use keyward_gateway::{Bindings, Keeper};
use keyward_pool::{Moment, Notice, Registry, Settings};
use tokio::sync::broadcast;

/// Changes that wait to be written, at most. More are lost, and said to be: the standing itself is in memory.
const QUEUE: usize = 65_536;
/// Changes that somebody who follows them may lag behind.
const BEHIND: usize = 1_024;
/// Changes per transaction.
const BATCH: usize = 512;
/// How often rests whose time has come are ended.
const SWEEP_EVERY: Duration = Duration::from_secs(1);
/// The wait after a write that failed.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// How often what is too old is let go of.
const FORGET_EVERY: Duration = Duration::from_hours(1);
/// How long changes of standings are kept.
const KEEP_EVENTS: Duration = Duration::from_hours(90 * 24);
/// How long it is known which account a response, a file or an encrypted item belongs to. Providers keep stored
/// responses for 30 days.
const KEEP_BINDINGS: Duration = Duration::from_hours(35 * 24);
/// How long leases that ended are kept.
const KEEP_LEASES: Duration = Duration::from_hours(90 * 24);

/// The thread, and the way to it.
pub struct PoolMemory {
    /// What is known of every key.
    pub registry: Arc<Registry>,
    /// Which account holds what calls refer to.
    pub bindings: Arc<Bindings>,
    notes: SyncSender<Note>,
    /// Tells changes to those who follow what happens.
    told: broadcast::Sender<KeyEvent>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What the thread is told.
enum Note {
    Changed(Box<KeyEvent>),
    Bound(Binding),
    /// Everything before this is to be written; then the sender is told whether it was.
    Flush(SyncSender<bool>),
    Stop,
}

/// Hears changes on the way of a request and passes them on.
#[derive(Debug)]
struct Hearing {
    notes: SyncSender<Note>,
    lost: AtomicU64,
}

impl std::fmt::Debug for Note {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Note")
    }
}

impl Notice for Hearing {
    fn changed(&self, event: KeyEvent) {
        self.tell(Note::Changed(Box::new(event)));
    }
}

impl Keeper for Hearing {
    fn keep(&self, binding: Binding) {
        self.tell(Note::Bound(binding));
    }
}

impl Hearing {
    fn new(notes: SyncSender<Note>) -> Self {
        Self { notes, lost: AtomicU64::new(0) }
    }

    fn tell(&self, note: Note) {
        if self.notes.try_send(note).is_err() && self.lost.fetch_add(1, Ordering::Relaxed).is_power_of_two() {
            tracing::error!("what pools learn comes faster than the store takes it; some is not kept");
        }
    }
}

impl PoolMemory {
    /// Brings back what an earlier process knew, and begins to remember.
    pub fn start(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        let (notes, received) = sync_channel(QUEUE);
        let registry = Arc::new(Registry::new(Settings::default(), Box::new(Hearing::new(notes.clone()))));
        registry.restore(store.standings().context("what was known of the provider keys could not be read")?);
        let bindings = Arc::new(Bindings::new(Box::new(Hearing::new(notes.clone()))));
        let mut known = store.bindings(MAX_BINDINGS).context("what accounts hold could not be read")?;
        // Oldest first, so that the newest are there whatever has no room.
        known.reverse();
        bindings.restore(known);
        let told = broadcast::Sender::new(BEHIND);
        let worker = Worker { received, told: told.clone(), registry: Arc::clone(&registry), store, clock };
        let thread = std::thread::Builder::new()
            .name("pool-memory".to_owned())
            .spawn(move || worker.run())
            .context("the thread that remembers key standings could not be started")?;
        Ok(Self { registry, bindings, notes, told, thread: Mutex::new(Some(thread)) })
    }

    /// Waits until everything that changed so far is in the store; `false` when it cannot be written. Blocks.
    pub fn flush(&self) -> bool {
        let (done, written) = sync_channel(1);
        // An error means that the thread is gone, and with it everything that was to be written.
        self.notes.send(Note::Flush(done)).is_ok() && written.recv().unwrap_or(false)
    }

    /// Every change of a standing from now on. Who is too slow misses some, and is told so.
    pub fn listen(&self) -> broadcast::Receiver<KeyEvent> {
        self.told.subscribe()
    }
}

/// The thread writes what it has, then ends.
impl Drop for PoolMemory {
    fn drop(&mut self) {
        let _ = self.notes.send(Note::Stop);
        let thread = self.thread.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that remembers key standings ended badly");
        }
    }
}

/// What is to be written next.
#[derive(Default)]
struct Gathered {
    events: Vec<KeyEvent>,
    bindings: Vec<Binding>,
}

impl Gathered {
    fn len(&self) -> usize {
        self.events.len() + self.bindings.len()
    }

    fn clear(&mut self) {
        self.events.clear();
        self.bindings.clear();
    }

    /// Both may be written twice: the store leaves alone what it has.
    fn put(&self, store: &dyn Store) -> Result<(), StoreError> {
        if !self.events.is_empty() {
            store.put_standings(&self.events)?;
        }
        if self.bindings.is_empty() { Ok(()) } else { store.put_bindings(&self.bindings) }
    }
}

struct Worker {
    received: Receiver<Note>,
    told: broadcast::Sender<KeyEvent>,
    registry: Arc<Registry>,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
}

impl Worker {
    fn run(self) {
        let mut gathered = Gathered::default();
        let mut swept = self.clock.monotonic();
        let mut forgot: Option<Duration> = None;
        loop {
            let (waiting, stops) = self.gather(&mut gathered);
            self.write(&mut gathered, stops || !waiting.is_empty());
            for done in waiting {
                // Whoever waits no more does not mind.
                let _ = done.send(gathered.len() == 0);
            }
            if stops {
                return;
            }
            let now = self.clock.monotonic();
            if now.saturating_sub(swept) >= SWEEP_EVERY {
                swept = now;
                self.registry.sweep(Moment::new(self.clock.now(), now));
            }
            if forgot.is_none_or(|at| now.saturating_sub(at) >= FORGET_EVERY) {
                forgot = Some(now);
                self.forget();
            }
        }
    }

    /// Waits for changes, and takes what has gathered: who waits for them to be written, and whether it is over.
    fn gather(&self, gathered: &mut Gathered) -> (Vec<SyncSender<bool>>, bool) {
        let mut waiting = Vec::new();
        let mut next = match self.received.recv_timeout(SWEEP_EVERY) {
            Ok(note) => Some(note),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return (waiting, true),
        };
        while let Some(note) = next {
            match note {
                Note::Changed(event) => {
                    // Nobody follows, most of the time.
                    let _ = self.told.send((*event).clone());
                    gathered.events.push(*event);
                }
                Note::Bound(binding) => gathered.bindings.push(binding),
                Note::Flush(done) => waiting.push(done),
                Note::Stop => return (waiting, true),
            }
            next = if gathered.len() < BATCH { self.received.try_recv().ok() } else { None };
        }
        (waiting, false)
    }

    /// Writes what there is. What could not be written stays for the next time, unless somebody waits: then it is
    /// tried once more.
    fn write(&self, gathered: &mut Gathered, is_urgent: bool) {
        for _ in 0..=u8::from(is_urgent) {
            if gathered.len() == 0 {
                return;
            }
            match gathered.put(&*self.store) {
                Ok(()) => gathered.clear(),
                Err(error) => {
                    tracing::error!(%error, "what pools learned could not be kept yet");
                    gathered.events.truncate(QUEUE);
                    gathered.bindings.truncate(QUEUE);
                    // The channel goes on to fill meanwhile.
                    std::thread::park_timeout(RETRY_AFTER);
                }
            }
        }
    }

    fn forget(&self) {
        let now = self.clock.now();
        let forgotten = self
            .store
            .forget_key_events(now.minus(KEEP_EVENTS))
            .and(self.store.forget_bindings(now.minus(KEEP_BINDINGS)))
            .and(self.store.forget_leases(now.minus(KEEP_LEASES)));
        if let Err(error) = forgotten {
            tracing::warn!(%error, "old events of provider keys could not be removed");
        }
    }
}
