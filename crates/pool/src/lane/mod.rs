//! A lane: the keys of a pool that serve one model, in the order of their tiers. Made once per model, off the request
//! path where the model is known; requests read atomics in it.

mod noted;
mod tier;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use foldhash::fast::RandomState;
use keyward_domain::ids::CredentialId;
use keyward_domain::routing::KeyLimits;

use crate::ask::{ANY_MODEL, Ask};
use crate::circuit::Phase;
use crate::endpoint::{Endpoint, ModelState};
use crate::group::{Account, Group};
use crate::headroom::{Meters, Need};
use crate::key::{Key, KeyModel};
use crate::mask::Mask;
use crate::moment::Moment;
use crate::nothing::Why;
use crate::pool::Seated;
use crate::settings::Settings;

pub(crate) use noted::{Noted, worse};
pub(crate) use tier::Tier;

/// The keys that serve one model.
#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) model: Arc<str>,
    /// Some key lists the model.
    is_listed: bool,
    /// Names that nobody knows share it: nothing is kept of any of them.
    pub(crate) is_shared: bool,
    pub(crate) endpoint: Arc<Endpoint>,
    pub(crate) on_provider: Arc<ModelState>,
    pub(crate) seats: Box<[Seat]>,
    pub(crate) tiers: Box<[Tier]>,
    /// The seats in the order of the configuration.
    pub(crate) in_order: Box<[usize]>,
    /// The account of every seat, side by side: looked through for pins.
    accounts: Box<[Account]>,
    places: HashMap<CredentialId, usize, RandomState>,
    pub(crate) noted: Noted,
    /// Whose turn it is.
    pub(crate) turn: AtomicUsize,
    /// Monotonic second in which it was asked last.
    asked: AtomicU64,
}

/// A key in a lane.
#[derive(Debug)]
pub(crate) struct Seat {
    pub(crate) key: Arc<Key>,
    pub(crate) on_model: Arc<KeyModel>,
    pub(crate) group: Arc<Group>,
    /// What is left of the account's limits for this model.
    pub(crate) meters: Arc<Meters>,
    pub(crate) name: Arc<str>,
    pub(crate) account: Account,
    pub(crate) limits: KeyLimits,
    pub(crate) is_counted: bool,
    pub(crate) weight: u32,
    /// What one call under way adds to its load, in thousandths: less for a key of more weight.
    pub(crate) load_step: u64,
    /// Wall time in milliseconds from which on it is not used.
    pub(crate) expires: i64,
    /// Its place among the members that the pool was built of.
    pub(crate) position: usize,
    /// For draws that must come out the same for the same conversation.
    pub(crate) hash: u64,
}

impl Lane {
    /// The lane of a model over these members of a pool.
    pub(crate) fn new(model: &Arc<str>, endpoint: &Arc<Endpoint>, members: &[Seated], now: Moment) -> Self {
        let is_listed = is_listed(model, members);
        Self::of(serving(model, members), Whose { model, is_listed, is_shared: false }, endpoint, now)
    }

    /// A lane for all names that nobody knows and that the same keys may serve as this one.
    pub(crate) fn shared(model: &str, endpoint: &Arc<Endpoint>, members: &[Seated], now: Moment) -> Self {
        let whose = Whose { model: &Arc::from("?"), is_listed: false, is_shared: true };
        Self::of(serving(model, members), whose, endpoint, now)
    }

    fn of(mut serving: Vec<Candidate<'_>>, whose: Whose<'_>, endpoint: &Arc<Endpoint>, now: Moment) -> Self {
        let Whose { model, is_listed, is_shared } = whose;
        serving
            .sort_by_key(|(position, first_of_group, seated)| (seated.member.terms.tier, *first_of_group, *position));
        let mut in_order: Vec<_> = (0..serving.len()).collect();
        in_order
            .sort_by_key(|seat| serving.get(*seat).map(|(position, _, seated)| (seated.member.terms.tier, *position)));
        let tiers = Tier::divide(serving.iter().map(|(_, _, seated)| (seated.member.terms.tier, seated.weight())));
        let seats: Box<[Seat]> = serving
            .iter()
            .enumerate()
            .map(|(index, (position, _, seated))| {
                let tier = tiers.iter().find(|tier| tier.range.contains(&index));
                Seat::new(seated, *position, whose, tier.map_or(1000, |tier| tier.load_step(seated.weight())))
            })
            .collect();
        let accounts: Box<[Account]> = seats.iter().map(|seat| seat.account).collect();
        let tiers: Box<[Tier]> = tiers.into_iter().map(|tier| tier.with_homes(&seats)).collect();
        let lane = Self {
            model: Arc::clone(model),
            is_listed,
            is_shared,
            endpoint: Arc::clone(endpoint),
            on_provider: if is_shared { Arc::default() } else { endpoint.model(model) },
            places: seats.iter().enumerate().map(|(index, seat)| (seat.key.credential, index)).collect(),
            noted: Noted::new(seats.len(), tiers.len()),
            in_order: in_order.into(),
            accounts,
            seats,
            tiers,
            turn: AtomicUsize::new(0),
            asked: AtomicU64::new(now.monotonic.as_secs()),
        };
        lane.seed_new_keys(now);
        // Before anybody sees it: nobody may find a lane in which nothing is open yet.
        lane.look(now);
        lane
    }

    /// Whether nobody vouches for its name: no key lists it, and no call with it has succeeded.
    pub(crate) fn is_stranger(&self) -> bool {
        !self.is_listed && !self.on_provider.is_proved()
    }

    /// Forgets what was learned of its model.
    pub(crate) fn forget(&self, now: Moment) {
        for seat in &self.seats {
            seat.key.forget(&self.model, now);
            seat.group.forget(&self.model);
        }
        self.endpoint.forget(&self.model);
    }

    /// Whether circuits of keys are ignored for this call.
    pub(crate) fn ignores_circuits(&self, ask: &Ask<'_>) -> bool {
        self.noted.panics() || (ask.pin.is_some() && must_serve(ask, &self.offered(self.noted.open(), ask)))
    }

    pub(crate) fn seat(&self, index: usize) -> Option<&Seat> {
        self.seats.get(index)
    }

    /// The seat of a key, if it serves this model.
    pub(crate) fn place(&self, credential: CredentialId) -> Option<usize> {
        self.places.get(&credential).copied()
    }

    /// Notes that it was asked, for eviction.
    pub(crate) fn touch(&self, now: Moment) {
        let second = now.monotonic.as_secs();
        if self.asked.load(Relaxed) != second {
            self.asked.store(second, Relaxed);
        }
    }

    /// Seconds since it was asked last.
    pub(crate) fn idle_seconds(&self, now: Moment) -> u64 {
        now.monotonic.as_secs().saturating_sub(self.asked.load(Relaxed))
    }

    /// Takes a place for one more call at the provider and at the model; `false` when one of them takes no more.
    pub(crate) fn enter(&self, now: Moment) -> bool {
        if !self.endpoint.capacity.enter(now) {
            return false;
        }
        let has_entered = self.on_provider.capacity.enter(now);
        if !has_entered {
            self.endpoint.capacity.leave();
        }
        has_entered
    }

    /// Gives back the place that [`enter`](Self::enter) took.
    pub(crate) fn leave(&self) {
        self.on_provider.capacity.leave();
        self.endpoint.capacity.leave();
    }

    /// What has no place for one more call.
    pub(crate) fn full(&self, now: Moment) -> Option<Why> {
        if self.endpoint.capacity.is_full(now) {
            return Some(Why::ProviderFull);
        }
        self.on_provider.capacity.is_full(now).then_some(Why::ModelFull)
    }

    /// Of these seats, those that a call may be offered.
    pub(crate) fn offered(&self, mut seats: Mask, ask: &Ask<'_>) -> Mask {
        for credential in ask.tried {
            if let Some(seat) = self.place(*credential) {
                seats.clear(seat);
            }
        }
        for account in ask.avoid {
            seats = seats.without(&self.of_account(*account));
        }
        match ask.pin {
            Some(account) => seats.and(&self.of_account(account)),
            None => seats,
        }
    }

    /// The typical time to the first content in microseconds, once known.
    pub(crate) fn typical(&self, now: Moment) -> Option<u32> {
        self.on_provider.typical(now.monotonic_ms())
    }

    fn of_account(&self, account: Account) -> Mask {
        let mut mask = Mask::empty(self.seats.len());
        let own = self.accounts.iter().enumerate().filter(|(_, other)| **other == account);
        own.for_each(|(seat, _)| mask.set(seat));
        mask
    }

    /// A key that was never used counts as fast as the middle one of the others.
    fn seed_new_keys(&self, now: Moment) {
        let now_ms = now.monotonic_ms();
        let mut seen: Vec<u32> = self.seats.iter().filter_map(|seat| seat.on_model.peak.seen(now_ms)).collect();
        seen.sort_unstable();
        if let Some(median) = seen.get(seen.len() / 2) {
            self.seats.iter().for_each(|seat| seat.on_model.peak.seed(*median, now_ms));
        }
    }
}

impl Seat {
    fn new(seated: &Seated, position: usize, whose: Whose<'_>, load_step: u64) -> Self {
        let Whose { model, is_shared, .. } = whose;
        let terms = &seated.member.terms;
        let stranger = || Arc::new(KeyModel::new(seated.key.credential, model));
        let is_counted = crate::limit::is_counted(&terms.limits);
        if is_counted {
            seated.key.count();
        }
        Self {
            key: Arc::clone(&seated.key),
            on_model: if is_shared { stranger() } else { seated.key.model(model) },
            group: Arc::clone(&seated.group),
            meters: if is_shared { Arc::default() } else { seated.group.model(model) },
            name: Arc::clone(&seated.name),
            account: seated.account,
            limits: terms.limits,
            is_counted,
            weight: seated.weight(),
            load_step,
            expires: terms.expires_at.map_or(i64::MAX, keyward_domain::time::Timestamp::unix_millis),
            position,
            hash: crate::chance::stable_hash(&[&seated.key.credential.to_bytes()]),
        }
    }

    /// The least that is left of any of its provider's meters after such a call, in thousandths; `None` when there is
    /// not enough.
    pub(crate) fn room(&self, need: Need, now: Moment) -> Option<u32> {
        Some(self.group.meters.room(need, now)?.min(self.meters.room(need, now)?))
    }

    /// Its load in thousandths: 1000 when idle, more with every call under way.
    pub(crate) fn load(&self) -> u64 {
        1000 + u64::from(self.key.in_flight()) * self.load_step
    }

    /// How long it waits for a canary.
    pub(crate) fn waits_since(&self, now: Moment, settings: &Settings) -> Duration {
        let circuits = [&self.key.fitness.circuit, &self.on_model.fitness.circuit];
        let half_open = circuits.into_iter().filter(|circuit| circuit.phase(now, settings) == Phase::HalfOpen);
        half_open.map(|circuit| circuit.waits_since(now, settings)).min().unwrap_or_default()
    }

    /// How much of its fair share it gets, in thousandths.
    pub(crate) fn share(&self, now: Moment, settings: &Settings) -> u32 {
        self.key.fitness.share(now, settings).min(self.on_model.fitness.share(now, settings))
    }

    pub(crate) const fn is_expired(&self, now: Moment) -> bool {
        self.expires <= now.wall_ms()
    }
}

/// Whether circuits are ignored for want of anything better: the call can be served by one account only, and none of the
/// keys that it may be offered is open.
pub(crate) fn must_serve(ask: &Ask<'_>, open: &Mask) -> bool {
    ask.pin.is_some() && open.is_empty()
}

/// Whose lane it is.
#[derive(Clone, Copy)]
struct Whose<'a> {
    model: &'a Arc<str>,
    is_listed: bool,
    is_shared: bool,
}

/// Whether any key lists a model: it was seen to offer it, or it was assigned to it by name.
pub(crate) fn is_listed(model: &str, members: &[Seated]) -> bool {
    let lists = |seated: &Seated| {
        let member = &seated.member;
        member.models.iter().chain(&member.terms.models).any(|listed| listed == model)
    };
    model == ANY_MODEL || members.iter().any(lists)
}

/// The positions of the keys that may be asked for a model.
pub(crate) fn positions(model: &str, members: &[Seated]) -> Box<[usize]> {
    serving(model, members).into_iter().map(|(position, ..)| position).collect()
}

/// Position in the configuration, position of the first key of the same account, the key.
type Candidate<'a> = (usize, usize, &'a Seated);

/// Who may be asked for a model. Lists of offered models steer, they do not forbid: where no key is known to offer the
/// model, it may be an alias that the provider's list leaves out, and every key that is allowed serves.
fn serving<'a>(model: &str, members: &'a [Seated]) -> Vec<Candidate<'a>> {
    let allowed = || {
        members
            .iter()
            .enumerate()
            .filter(|(_, seated)| seated.member.is_in_use() && seated.member.terms.allows_model(model))
    };
    let is_listed = |seated: &Seated| seated.member.models.iter().any(|offered| offered == model);
    let anybody_lists = allowed().any(|(_, seated)| is_listed(seated));
    let mut firsts: HashMap<Account, usize> = HashMap::new();
    allowed()
        .filter(|(_, seated)| !anybody_lists || seated.member.models.is_empty() || is_listed(seated))
        .map(|(position, seated)| (position, *firsts.entry(seated.account).or_insert(position), seated))
        .collect()
}
