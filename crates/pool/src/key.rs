//! The living state of a key, and of a key with one model. It outlives the configuration it is used in.

use std::collections::HashMap;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use keyward_domain::ids::CredentialId;
use keyward_domain::judgement::Trouble;
use keyward_domain::standing::{Cause, Standing};

use crate::endpoint::Endpoint;
use crate::fade::{Stamped, faded};
use crate::latency::{Histogram, Peak};
use crate::limit::Counters;
use crate::moment::{Moment, millis};
use crate::standing::{Change, Fitness};

/// Models of one key about which something is remembered, at most. Beyond it, what is learned lives as long as the pool
/// that learned it.
const MAX_MODELS: usize = 1024;

const NOT_ASKED_FOR: &str = "nobody asks for the model any more";

/// A key.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) credential: CredentialId,
    pub(crate) endpoint: Arc<Endpoint>,
    pub(crate) fitness: Fitness,
    in_flight: AtomicU32,
    /// There once a limit was set for the key.
    counters: OnceLock<Box<Counters>>,
    pub(crate) record: Record,
    models: Mutex<HashMap<Arc<str>, Arc<KeyModel>>>,
    /// Wall time of the last proof that it works or does not; 0 for never.
    pub(crate) proved: AtomicI64,
}

/// A key with one model.
#[derive(Debug)]
pub(crate) struct KeyModel {
    pub(crate) fitness: Fitness,
    pub(crate) peak: Peak,
    /// What a token costs on average with this key, in pico-dollars.
    price: Stamped,
}

/// What happened with a key.
#[derive(Debug, Default)]
pub(crate) struct Record {
    pub(crate) requests: AtomicU64,
    pub(crate) failures: AtomicU64,
    pub(crate) limited: AtomicU64,
    pub(crate) in_a_row: AtomicU32,
    pub(crate) last_success: AtomicI64,
    pub(crate) last_failure: AtomicI64,
    pub(crate) times: Histogram,
    failing: Failing,
}

impl Key {
    pub(crate) fn new(credential: CredentialId, endpoint: Arc<Endpoint>) -> Self {
        Self {
            credential,
            endpoint,
            fitness: Fitness::new(credential, None),
            in_flight: AtomicU32::new(0),
            counters: OnceLock::new(),
            record: Record::default(),
            models: Mutex::default(),
            proved: AtomicI64::new(0),
        }
    }

    pub(crate) fn in_flight(&self) -> u32 {
        self.in_flight.load(Relaxed)
    }

    /// Takes a place; `None` when all are taken.
    pub(crate) fn enter(&self, places: Option<u32>) -> Option<()> {
        match places {
            None => {
                self.in_flight.fetch_add(1, AcqRel);
                Some(())
            }
            Some(most) => {
                let more = |taken: u32| (taken < most).then_some(taken + 1);
                self.in_flight.fetch_update(AcqRel, Acquire, more).ok().map(drop)
            }
        }
    }

    /// Gives a place back that [`enter`](Self::enter) took.
    pub(crate) fn leave(&self) {
        self.in_flight.fetch_sub(1, AcqRel);
    }

    /// The counters, once a limit was set.
    pub(crate) fn counters(&self) -> Option<&Counters> {
        self.counters.get().map(Box::as_ref)
    }

    /// The counters, from now on.
    pub(crate) fn count(&self) -> &Counters {
        self.counters.get_or_init(Box::default)
    }

    /// What is known of it with a model.
    pub(crate) fn model(&self, name: &Arc<str>) -> Arc<KeyModel> {
        let mut models = self.models.lock().unwrap_or_else(PoisonError::into_inner);
        if models.len() >= MAX_MODELS && !models.contains_key(name) {
            // What no lane uses and nothing is known against makes room.
            models.retain(|_, state| Arc::strong_count(state) > 1 || !state.fitness.is_blank());
        }
        if models.len() >= MAX_MODELS && !models.contains_key(name) {
            return Arc::new(KeyModel::new(self.credential, name));
        }
        Arc::clone(models.entry(Arc::clone(name)).or_insert_with(|| Arc::new(KeyModel::new(self.credential, name))))
    }

    /// Forgets a model: nobody asks for it any more.
    pub(crate) fn forget(&self, name: &str, now: Moment) {
        let gone = self.models.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
        if let Some(model) = gone.filter(|model| !model.fitness.is_blank()) {
            let change =
                Change { standing: Standing::Active, reason: NOT_ASKED_FOR, trouble: None, cause: Cause::Time };
            model.fitness.clear(&change, now, &self.endpoint);
        }
    }

    /// Every model about which something is remembered.
    pub(crate) fn models(&self) -> Vec<(Arc<str>, Arc<KeyModel>)> {
        let models = self.models.lock().unwrap_or_else(PoisonError::into_inner);
        models.iter().map(|(name, state)| (Arc::clone(name), Arc::clone(state))).collect()
    }
}

impl KeyModel {
    /// Of which nothing is known.
    pub(crate) fn new(credential: CredentialId, name: &Arc<str>) -> Self {
        Self {
            fitness: Fitness::new(credential, Some(Arc::clone(name))),
            peak: Peak::default(),
            price: Stamped::default(),
        }
    }

    /// What a call really cost.
    pub(crate) fn paid(&self, nanodollars: i64, tokens: u64, now: Moment) {
        let Some(price) = u64::try_from(nanodollars).ok().and_then(|cost| (cost * 1000).checked_div(tokens)) else {
            return;
        };
        let price = u32::try_from(price).unwrap_or(u32::MAX);
        let next = self.price(now).map_or(price, |old| old - (old >> 3) + (price >> 3));
        self.price.write(next, now.monotonic_ms());
    }

    /// What a token cost on average, in pico-dollars, once that is known.
    pub(crate) fn price(&self, now: Moment) -> Option<u32> {
        self.price.read(now.monotonic_ms()).map(|(price, _)| price)
    }
}

impl Record {
    pub(crate) fn succeeded(&self, first_content: Option<Duration>, now: Moment) {
        self.requests.fetch_add(1, Relaxed);
        if self.in_a_row.load(Relaxed) != 0 {
            self.in_a_row.store(0, Relaxed);
        }
        self.last_success.store(now.wall_ms(), Relaxed);
        if let Some(first_content) = first_content {
            self.times.record(millis(first_content));
        }
        self.failing.observe(false, now);
    }

    pub(crate) fn failed(&self, trouble: Trouble, now: Moment) {
        if matches!(trouble, Trouble::RateLimited | Trouble::QuotaExhausted) {
            self.limited.fetch_add(1, Relaxed);
        }
        self.requests.fetch_add(1, Relaxed);
        self.failures.fetch_add(1, Relaxed);
        self.in_a_row.fetch_add(1, Relaxed);
        self.last_failure.store(now.wall_ms(), Relaxed);
        self.failing.observe(true, now);
    }

    /// The share of late failures, in thousandths.
    pub(crate) fn failing(&self, now: Moment) -> u32 {
        self.failing.read(now)
    }
}

/// The share of failures of late, in millionths: every call counts for a sixteenth, and half is forgiven in 30 s.
#[derive(Debug, Default)]
struct Failing(Stamped);

const ALL_FAIL: u64 = 1_000_000;
const FORGIVEN_HALF_MS: u64 = 30_000;

impl Failing {
    fn observe(&self, failed: bool, now: Moment) {
        let old = self.faded(now);
        if !failed && old == 0 {
            return;
        }
        let next = old - old / 16 + if failed { ALL_FAIL / 16 } else { 0 };
        self.0.write(u32::try_from(next).unwrap_or(0), now.monotonic_ms());
    }

    fn read(&self, now: Moment) -> u32 {
        u32::try_from(self.faded(now) / 1000).unwrap_or(0)
    }

    fn faded(&self, now: Moment) -> u64 {
        self.0.read(now.monotonic_ms()).map_or(0, |(value, age)| faded(u64::from(value), age, FORGIVEN_HALF_MS))
    }
}
