//! A provider as a whole, and its models: what everybody who asks there shares.

use std::collections::HashMap;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64};
use std::sync::{Arc, Mutex, PoisonError};

use keyward_domain::ids::ProviderId;
use keyward_domain::judgement::MAX_REST;
use keyward_domain::routing::Concurrency;
use keyward_domain::standing::KeyEvent;
use keyward_domain::time::Timestamp;

use crate::ask::{Ask, LAST_CALLS_PATIENCE};
use crate::capacity::Capacity;
use crate::circuit::{Canary, Circuit, Phase};
use crate::fade::Stamped;
use crate::moment::{Moment, wall_millis};
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
    /// Calls under way, over all keys, and how many may be.
    pub(crate) capacity: Capacity,
    /// That may not be learned: the operator does not want it.
    is_unbound: AtomicBool,
    /// Grows with every change of a standing; lanes look at it to know whether what they noted still holds.
    version: AtomicU64,
    models: Mutex<HashMap<Arc<str>, Arc<ModelState>>>,
}

/// The living state of one model at one provider, whatever the key.
#[derive(Debug, Default)]
pub(crate) struct ModelState {
    pub(crate) health: Health,
    /// Calls under way, and how many may be.
    pub(crate) capacity: Capacity,
    /// What the time to the first content is like, in microseconds.
    typical: Stamped,
    /// A call for it succeeded: its name is not made up.
    proved: AtomicBool,
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
    Canary(Canary),
    /// Not before this time.
    Shut(Timestamp),
}

impl Endpoint {
    pub(crate) fn new(provider: ProviderId, shared: Arc<Shared>) -> Self {
        Self {
            provider,
            shared,
            health: Health::default(),
            capacity: Capacity::default(),
            is_unbound: AtomicBool::new(false),
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
        self.forget_capacity();
    }

    /// Whether it is learned how many calls it takes at once.
    pub(crate) fn is_adaptive(&self) -> bool {
        !self.is_unbound.load(Relaxed)
    }

    /// How many calls the operator wants it to be sent at once.
    pub(crate) fn set_concurrency(&self, concurrency: Concurrency) {
        let most = match concurrency {
            Concurrency::UpTo(most) => Some(most),
            Concurrency::Adaptive | Concurrency::Off => None,
        };
        self.capacity.allow(most);
        let is_off = concurrency == Concurrency::Off;
        if is_off && !self.is_unbound.swap(true, Relaxed) {
            self.forget_capacity();
        } else if !is_off {
            self.is_unbound.store(false, Relaxed);
        }
    }

    fn forget_capacity(&self) {
        self.capacity.clear();
        self.models.lock().unwrap_or_else(PoisonError::into_inner).values().for_each(|model| model.capacity.clear());
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

    /// Whether any call for this model has succeeded here.
    pub(crate) fn is_proved(&self, name: &str) -> bool {
        let models = self.models.lock().unwrap_or_else(PoisonError::into_inner);
        models.get(name).is_some_and(|model| model.is_proved())
    }

    /// Forgets a model.
    pub(crate) fn forget(&self, name: &str) {
        self.models.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }
}

impl ModelState {
    /// A call for it succeeded.
    pub(crate) fn prove(&self) {
        if !self.is_proved() {
            self.proved.store(true, Relaxed);
        }
    }

    /// Whether any call for it has succeeded.
    pub(crate) fn is_proved(&self) -> bool {
        self.proved.load(Relaxed)
    }

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

/// Whether a rest still lasts. No provider asks for more than [`MAX_REST`]: one that ends later was noted while the clock
/// was ahead, and is none.
fn is_believable(until: i64, now: Moment) -> bool {
    (1..=wall_millis(MAX_REST)).contains(&until.saturating_sub(now.wall_ms()))
}

impl Health {
    /// Whether a call may pass. One who has nowhere else to go passes a circuit, not what was told.
    pub(crate) fn enter(&self, ask: &Ask<'_>, now: Moment, settings: &Settings) -> Door {
        let door = self.look(ask, now, settings);
        if door != Door::Open || self.circuit.phase(now, settings) != Phase::HalfOpen {
            return door;
        }
        match self.circuit.take_canary(now, settings) {
            Some(canary) => Door::Canary(canary),
            None if ask.is_alone => Door::Open,
            None => Door::Shut(now.wall.plus(settings.open_first)),
        }
    }

    /// The same for explanations: takes no canary.
    pub(crate) fn look(&self, ask: &Ask<'_>, now: Moment, settings: &Settings) -> Door {
        if let Some(until) = self.told(now) {
            return Door::Shut(until);
        }
        match self.circuit.phase(now, settings) {
            Phase::Open(until) if !ask.is_alone => Door::Shut(Timestamp::from_unix_millis(until)),
            Phase::HalfOpen if !ask.is_alone && !self.wants(ask, now, settings) => {
                Door::Shut(now.wall.plus(settings.open_first))
            }
            _ => Door::Open,
        }
    }

    /// Whether this call may be the canary that the circuit waits for.
    fn wants(&self, ask: &Ask<'_>, now: Moment, settings: &Settings) -> bool {
        let has_waited = self.circuit.waits_since(now, settings) >= LAST_CALLS_PATIENCE;
        (!ask.is_last || has_waited) && !self.circuit.has_canary_out(now, settings)
    }

    /// Until when nobody is to ask, because the provider said so.
    pub(crate) fn told(&self, now: Moment) -> Option<Timestamp> {
        let told = self.told.load(Relaxed);
        is_believable(told, now).then(|| Timestamp::from_unix_millis(told))
    }

    /// Nobody is to ask before this time; a later one wins.
    pub(crate) fn rest(&self, until: Timestamp, now: Moment) {
        let until = until.unix_millis();
        let _ = self
            .told
            .fetch_update(AcqRel, Acquire, |told| (until > told || !is_believable(told, now)).then_some(until));
    }

    /// Nothing is held against it any more.
    pub(crate) fn clear(&self, now: Moment) {
        self.told.store(0, Relaxed);
        self.circuit.reset(now);
    }
}
