//! A provider as a whole, and its models: what everybody who asks there shares.

use std::collections::HashMap;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64};
use std::sync::{Arc, Mutex, PoisonError};

use keyward_domain::ids::ProviderId;
use keyward_domain::standing::KeyEvent;
use keyward_domain::time::Timestamp;

use crate::circuit::{Circuit, Phase};
use crate::fade::Stamped;
use crate::moment::Moment;
use crate::registry::Shared;
use crate::settings::Settings;

/// Models of one provider about which something is remembered, at most. Beyond it, a model's state lives as long as the
/// pool that asks for it.
const MAX_MODELS: usize = 4096;
/// Weight of a new sample in what is typical: 1 / 16.
const TYPICAL_SHIFT: u32 = 4;

/// The living state of one provider.
#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) provider: ProviderId,
    shared: Arc<Shared>,
    pub(crate) health: Health,
    /// Calls under way, over all keys.
    pub(crate) in_flight: AtomicU32,
    /// Grows with every change of a standing; lanes look at it to know whether what they noted still holds.
    version: AtomicU64,
    models: Mutex<HashMap<Arc<str>, Arc<ModelState>>>,
}

/// The living state of one model at one provider, whatever the key.
#[derive(Debug, Default)]
pub(crate) struct ModelState {
    pub(crate) health: Health,
    /// What the time to the first content is like, in microseconds.
    typical: Stamped,
}

/// What was told about a provider or a model, and its circuit.
#[derive(Debug, Default)]
pub(crate) struct Health {
    told: AtomicI64,
    pub(crate) circuit: Circuit,
}

/// Whether a call may go there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    /// Yes.
    Open,
    /// Yes, as the canary that was taken.
    Canary,
    /// Not before this time.
    Shut(Timestamp),
}

impl Endpoint {
    pub(crate) fn new(provider: ProviderId, shared: Arc<Shared>) -> Self {
        Self {
            provider,
            shared,
            health: Health::default(),
            in_flight: AtomicU32::new(0),
            version: AtomicU64::new(1),
            models: Mutex::default(),
        }
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.shared.settings
    }

    pub(crate) fn version(&self) -> u64 {
        self.version.load(Acquire)
    }

    /// What lanes noted about standings holds no longer.
    pub(crate) fn bump(&self) {
        self.version.fetch_add(1, AcqRel);
    }

    /// A standing changed: lanes look again, and whoever listens hears of it.
    pub(crate) fn changed(&self, event: KeyEvent) {
        self.bump();
        self.shared.notice.changed(event);
    }

    /// Nothing is held against it any more, nor against any of its models.
    pub(crate) fn clear(&self, now: Moment) {
        self.health.clear(now);
        self.models.lock().unwrap_or_else(PoisonError::into_inner).values().for_each(|model| model.health.clear(now));
    }

    /// Every model of which something is remembered.
    pub(crate) fn models(&self) -> Vec<(Arc<str>, Arc<ModelState>)> {
        let models = self.models.lock().unwrap_or_else(PoisonError::into_inner);
        models.iter().map(|(name, model)| (Arc::clone(name), Arc::clone(model))).collect()
    }

    /// The state of a model here.
    pub(crate) fn model(&self, name: &Arc<str>) -> Arc<ModelState> {
        let mut models = self.models.lock().unwrap_or_else(PoisonError::into_inner);
        if models.len() >= MAX_MODELS && !models.contains_key(name) {
            // What no lane uses makes room.
            models.retain(|_, state| Arc::strong_count(state) > 1);
        }
        if models.len() >= MAX_MODELS && !models.contains_key(name) {
            return Arc::default();
        }
        Arc::clone(models.entry(Arc::clone(name)).or_default())
    }
}

impl ModelState {
    pub(crate) fn observe(&self, micros: u32, now_ms: u64) {
        let new = match self.typical.read(now_ms) {
            None => micros,
            Some((old, _)) => old - (old >> TYPICAL_SHIFT) + (micros >> TYPICAL_SHIFT),
        };
        self.typical.write(new, now_ms);
    }

    /// The typical time to the first content in microseconds, once anything was seen.
    pub(crate) fn typical(&self, now_ms: u64) -> Option<u32> {
        self.typical.read(now_ms).map(|(micros, _)| micros)
    }
}

impl Health {
    /// Whether a call may pass. One who has nowhere else to go passes a circuit, not what was told.
    pub(crate) fn enter(&self, is_alone: bool, now: Moment, settings: &Settings) -> Door {
        if let Some(until) = self.told(now) {
            return Door::Shut(until);
        }
        match self.circuit.phase(now, settings) {
            Phase::Closed => Door::Open,
            Phase::HalfOpen if self.circuit.take_canary(now, settings) => Door::Canary,
            _ if is_alone => Door::Open,
            Phase::Open(until) => Door::Shut(Timestamp::from_unix_millis(until)),
            Phase::HalfOpen => Door::Shut(now.wall.plus(settings.open_first)),
        }
    }

    /// The same for explanations: takes no canary.
    pub(crate) fn look(&self, is_alone: bool, now: Moment, settings: &Settings) -> Door {
        if let Some(until) = self.told(now) {
            return Door::Shut(until);
        }
        match self.circuit.phase(now, settings) {
            Phase::Open(until) if !is_alone => Door::Shut(Timestamp::from_unix_millis(until)),
            _ => Door::Open,
        }
    }

    /// Until when nobody is to ask, because the provider said so.
    pub(crate) fn told(&self, now: Moment) -> Option<Timestamp> {
        let told = self.told.load(Relaxed);
        (told > now.wall_ms()).then(|| Timestamp::from_unix_millis(told))
    }

    /// Nobody is to ask before this time; a later one wins.
    pub(crate) fn rest(&self, until: Timestamp) {
        self.told.fetch_max(until.unix_millis(), AcqRel);
    }

    /// Nothing is held against it any more.
    pub(crate) fn clear(&self, now: Moment) {
        self.told.store(0, Relaxed);
        self.circuit.reset(now);
    }
}
