//! What pools learn outlives the process: a thread writes every change of a standing to the store, ends rests whose time
//! has come, and lets go of what is too old to matter.

mod mailbox;

use std::collections::BTreeSet;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context as _;
use keyward_domain::binding::Binding;
use keyward_domain::call_name;
use keyward_domain::ids::ProviderId;
use keyward_domain::port::{Clock, MAX_BINDINGS, Store, StoreError};
use keyward_domain::standing::KeyEvent;
use keyward_domain::time::Timestamp;
use keyward_gateway::Bindings;
use keyward_pool::{Moment, Registry, Settings};
use tokio::sync::broadcast;

use mailbox::{Mailbox, Slot};

/// Changes that somebody who follows them may lag behind.
const BEHIND: usize = 1_024;
/// Changes per transaction.
const BATCH: usize = 512;
/// How often rests whose time has come are ended.
const SWEEP_EVERY: Duration = Duration::from_secs(1);
/// From the first change of a batch to its writing, unless somebody waits for it.
const LINGER: Duration = Duration::from_millis(100);
/// Somebody who waits for a change to be written is told after this long that it is not.
const FLUSH_WITHIN: Duration = Duration::from_secs(5);
/// The wait after a write that failed.
const RETRY_AFTER: Duration = Duration::from_secs(1);
const DAY_MS: i64 = 24 * 60 * 60 * 1000;
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
    mailbox: Arc<Mailbox>,
    told: broadcast::Sender<KeyEvent>,
    providers: Mutex<BTreeSet<ProviderId>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl PoolMemory {
    /// Brings back what an earlier process knew, and begins to remember.
    pub fn start(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        let mailbox = Arc::new(Mailbox::default());
        let slot = || Box::new(Slot(Arc::clone(&mailbox)));
        let registry = Arc::new(Registry::new(Settings::default(), slot()));
        registry.restore(store.standings().context("what was known of the provider keys could not be read")?);
        let bindings = Arc::new(Bindings::new(slot()));
        let mut known = store.bindings(MAX_BINDINGS).context("what accounts hold could not be read")?;
        // Oldest first, so that the newest are there whatever has no room.
        known.reverse();
        bindings.restore(known);
        let told = broadcast::Sender::new(BEHIND);
        let worker = Worker {
            mailbox: Arc::clone(&mailbox),
            told: told.clone(),
            registry: Arc::clone(&registry),
            store,
            clock,
            pending: None,
        };
        let thread = std::thread::Builder::new()
            .name("pool-memory".to_owned())
            .spawn(move || worker.run())
            .context("the thread that remembers key standings could not be started")?;
        let (providers, thread) = (Mutex::default(), Mutex::new(Some(thread)));
        Ok(Self { registry, bindings, mailbox, told, providers, thread })
    }

    /// What the keys used of their daily limits before a restart, as the ledger has it. To be told once the ledger is
    /// complete and the pools are built.
    pub fn restore_day(&self, store: &dyn Store, clock: &dyn Clock) -> anyhow::Result<()> {
        let now = clock.now();
        let day = Timestamp::from_unix_millis(now.unix_millis() - now.unix_millis().rem_euclid(DAY_MS));
        let moment = Moment::new(now, clock.monotonic());
        for spend in store.credential_spend(day).context("what the keys cost today could not be read")? {
            self.registry.restore_day(spend.credential, spend.requests, spend.cost, moment);
        }
        Ok(())
    }

    /// These are the providers that there are: what is known of others is forgotten.
    pub fn keep_only(&self, present: BTreeSet<ProviderId>) {
        let mut providers = self.providers.lock().unwrap_or_else(PoisonError::into_inner);
        for gone in providers.difference(&present) {
            self.registry.forget(*gone);
        }
        *providers = present;
    }

    /// Waits until everything that changed so far is in the store; `false` when it is not. Blocks, though not for long.
    pub fn flush(&self) -> bool {
        let (done, written) = sync_channel(1);
        self.mailbox.flush(done);
        written.recv_timeout(FLUSH_WITHIN).unwrap_or(false)
    }

    /// Every change of a standing from now on. Who is too slow misses some, and is told so.
    pub fn listen(&self) -> broadcast::Receiver<KeyEvent> {
        self.told.subscribe()
    }
}

/// The thread writes what it has, once, then ends.
impl Drop for PoolMemory {
    fn drop(&mut self) {
        self.mailbox.stop();
        let thread = self.thread.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that remembers key standings ended badly");
        }
    }
}

/// What is written in one go.
struct Batch {
    events: Vec<KeyEvent>,
    bindings: Vec<Binding>,
}

struct Worker {
    mailbox: Arc<Mailbox>,
    told: broadcast::Sender<KeyEvent>,
    registry: Arc<Registry>,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    /// What could not be written the last time.
    pending: Option<Batch>,
}

impl Worker {
    fn run(mut self) {
        let mut swept = self.clock.monotonic();
        let mut forgot: Option<Duration> = None;
        loop {
            let most = if self.pending.is_some() { RETRY_AFTER } else { SWEEP_EVERY };
            let mut orders = self.mailbox.wait(most, self.pending.is_some());
            if orders.flushes.is_empty() && !orders.stops {
                // Nobody waits: a little company makes one transaction of many.
                orders = self.mailbox.wait(LINGER, true);
            }
            let is_written = self.write_all();
            for done in orders.flushes {
                // Whoever waits no more does not mind.
                let _ = done.send(is_written);
            }
            if orders.stops {
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

    /// Writes until nothing is left, or until the store does not take it. Whether nothing is left.
    fn write_all(&mut self) -> bool {
        while let Some(batch) = self.pending.take().or_else(|| self.next()) {
            if let Err(error) = batch.put(&*self.store) {
                tracing::error!(%error, "what pools learned could not be kept yet");
                self.pending = Some(batch);
                return false;
            }
        }
        true
    }

    fn next(&self) -> Option<Batch> {
        let (events, bindings) = self.mailbox.take(BATCH);
        for event in &events {
            // Nobody follows, most of the time.
            let _ = self.told.send(event.clone());
        }
        (!events.is_empty() || !bindings.is_empty()).then_some(Batch { events, bindings })
    }

    fn forget(&self) {
        let now = self.clock.now();
        let forgotten = self
            .store
            .forget_key_events(now.minus(KEEP_EVENTS))
            .and(self.store.forget_bindings(now.minus(KEEP_BINDINGS)))
            .and(self.store.forget_leases(now.minus(KEEP_LEASES)))
            .and(self.store.forget_named_calls(now.minus(call_name::KEPT)));
        if let Err(error) = forgotten {
            tracing::warn!(%error, "old events of provider keys could not be removed");
        }
    }
}

impl Batch {
    /// Both may be written twice: the store leaves alone what it has.
    fn put(&self, store: &dyn Store) -> Result<(), StoreError> {
        if !self.events.is_empty() {
            store.put_standings(&self.events)?;
        }
        if self.bindings.is_empty() { Ok(()) } else { store.put_bindings(&self.bindings) }
    }
}
