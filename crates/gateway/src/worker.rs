//! One event loop and everything that lives on it. Nothing here is shared with another core.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use keyward_domain::ids::RequestId;
use keyward_domain::port::{Clock, Entropy, EntropyError};
use keyward_domain::time::Timestamp;
use keyward_limit::rate::Guesses;
use keyward_pool::{Draw, Moment, RetryBudget};
use keyward_vault::Vault;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::bindings::Bindings;
use crate::counting::Counting;
use crate::idempotency::Repeats;
use crate::lease::LeaseDesk;
use crate::ledger::Ledger;
use crate::line::Line;
use crate::metrics::Metrics;
use crate::options::Options;
use crate::prompt_tokens::PromptTokens;
use crate::snapshot::{Snapshot, SnapshotHandle};
use crate::stage::attempt::OpenedKeys;
use crate::stage::relay::Abandoned;
use crate::upstream::Upstream;

/// What all event loops share.
pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) snapshot: SnapshotHandle,
    pub(crate) vault: Arc<Vault>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) metrics: Arc<Metrics>,
    /// Which account holds what calls refer to.
    pub(crate) bindings: Arc<Bindings>,
    /// Provider keys that are handed out.
    pub(crate) leases: LeaseDesk,
    /// Retries that all calls together may still make.
    pub(crate) retries: RetryBudget,
    /// What was spent and used.
    pub(crate) counting: Counting,
    /// Counts prompts whose length makes them too dear.
    pub(crate) prompt_tokens: PromptTokens,
    /// Calls that must not be made twice.
    pub(crate) repeats: Repeats,
    /// Keys that were not valid, by where they came from.
    pub(crate) guesses: Guesses,
    /// Calls that wait for room.
    pub(crate) line: Line,
}

/// One event loop.
pub(crate) struct Worker {
    pub(crate) shared: Arc<Shared>,
    pub(crate) upstream: Upstream,
    pub(crate) ledger: Rc<Ledger>,
    pub(crate) opened: OpenedKeys,
    /// Calls in flight here; the limit is divided between the event loops.
    pub(crate) in_flight: Cell<usize>,
    /// Abandoned answers being read to their end here.
    pub(crate) drains: Cell<usize>,
    abandoned: UnboundedSender<Abandoned>,
    chance: RefCell<Chance>,
    draw: Cell<Draw>,
}

impl Worker {
    /// The event loop's state, and the answers that will be abandoned on it, for the task that reads them on.
    pub(crate) fn new(
        shared: Arc<Shared>,
        upstream: Upstream,
        ledger: Rc<Ledger>,
    ) -> (Rc<Self>, UnboundedReceiver<Abandoned>) {
        let mut seed = [0; 8];
        // Without entropy all loops draw alike, which spreads load no worse; nothing secret hangs on it.
        let _ = shared.entropy.fill(&mut seed);
        let draw = Draw::seeded(u64::from_ne_bytes(seed));
        // Bounded by `disconnect.drains`, which is checked before anything is sent here.
        let (abandoned, receiver) = unbounded_channel();
        let worker = Rc::new(Self {
            shared,
            upstream,
            ledger,
            opened: OpenedKeys::default(),
            in_flight: Cell::new(0),
            drains: Cell::new(0),
            abandoned,
            chance: RefCell::new(Chance::default()),
            draw: Cell::new(draw),
        });
        (worker, receiver)
    }

    /// Hands over an answer whose client is gone. When nobody takes it, it is settled by being dropped.
    pub(crate) fn abandoned(&self, answer: Abandoned) {
        drop(self.abandoned.send(answer));
    }

    /// The configuration as it is now; a request keeps the one it began with.
    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        self.shared.snapshot.load()
    }

    /// Wall time.
    pub(crate) fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    /// Time for measuring lengths.
    pub(crate) fn monotonic(&self) -> Duration {
        self.shared.clock.monotonic()
    }

    /// Both clocks.
    pub(crate) fn moment(&self) -> Moment {
        Moment::new(self.now(), self.monotonic())
    }

    /// Chance for spreading load; not for secrets.
    pub(crate) fn draw<T>(&self, with: impl FnOnce(&mut Draw) -> T) -> T {
        let mut draw = self.draw.get();
        let drawn = with(&mut draw);
        self.draw.set(draw);
        drawn
    }

    /// The id of a request that arrives now.
    pub(crate) fn mint_request(&self, now: Timestamp) -> Result<RequestId, EntropyError> {
        let random = self.chance.borrow_mut().draw(&*self.shared.entropy)?;
        Ok(RequestId::from_parts(now, random))
    }
}

/// Random bytes drawn from the operating system in bulk: a system call per request id would be felt.
#[derive(Default)]
struct Chance {
    pool: Vec<u8>,
}

/// Bytes drawn at once.
const CHANCE_POOL: usize = 2560;

impl Chance {
    fn draw(&mut self, entropy: &dyn Entropy) -> Result<[u8; 10], EntropyError> {
        if self.pool.len() < 10 {
            let mut fresh = vec![0; CHANCE_POOL];
            entropy.fill(&mut fresh)?;
            self.pool = fresh;
        }
        let drawn = *self.pool.last_chunk::<10>().ok_or(EntropyError)?;
        self.pool.truncate(self.pool.len() - drawn.len());
        Ok(drawn)
    }
}
