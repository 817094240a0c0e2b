//! What a lane has noted about its seats: which are open, which want a canary, which are on their way back. Noted anew
//! when a standing changed, when a rest ends, and every second.

use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64};
use std::sync::{Mutex, PoisonError};

use super::Lane;
use crate::mask::Mask;
use crate::moment::Moment;
use crate::standing::Fit;

/// What was noted is looked at again after this many milliseconds, whatever the clocks did.
const LOOK_AGAIN_MS: u64 = 1_000;

/// What a lane has noted. It may be a moment old: who takes a seat looks at the key itself once more.
#[derive(Debug)]
pub(crate) struct Noted {
    open: Bits,
    half_open: Bits,
    returning: Bits,
    /// Seats that are out for a moment's trouble, those that wait for a canary included.
    benched: Bits,
    /// So many keys rest for a moment's trouble that none of them does.
    panics: AtomicBool,
    /// Weight of the open seats, tier by tier.
    weights: Box<[AtomicU64]>,
    /// Weight of those of them that are on their way back.
    returning_weights: Box<[AtomicU64]>,
    /// The endpoint's version that this was noted at; 0 for never.
    version: AtomicU64,
    /// Monotonic time in milliseconds at which it was noted.
    at: AtomicU64,
    /// Wall time in milliseconds at which something changes by itself.
    until: AtomicI64,
    /// How often it was noted.
    times: AtomicU64,
    /// Held while it is noted.
    noting: Mutex<()>,
}

impl Noted {
    pub(crate) fn new(seats: usize, tiers: usize) -> Self {
        Self {
            open: Bits::new(seats),
            half_open: Bits::new(seats),
            returning: Bits::new(seats),
            benched: Bits::new(seats),
            panics: AtomicBool::new(false),
            weights: (0..tiers).map(|_| AtomicU64::new(0)).collect(),
            returning_weights: (0..tiers).map(|_| AtomicU64::new(0)).collect(),
            version: AtomicU64::new(0),
            at: AtomicU64::new(0),
            until: AtomicI64::new(i64::MIN),
            times: AtomicU64::new(0),
            noting: Mutex::new(()),
        }
    }

    /// Seats that may be chosen, those on their way back included.
    pub(crate) fn open(&self) -> Mask {
        self.open.read()
    }

    /// Seats that wait for a canary.
    pub(crate) fn half_open(&self) -> Mask {
        self.half_open.read()
    }

    /// Seats that get less than their share for now.
    pub(crate) fn returning(&self) -> Mask {
        self.returning.read()
    }

    /// Seats that are out for a moment's trouble.
    pub(crate) fn benched(&self) -> Mask {
        self.benched.read()
    }

    /// How often it was noted so far: what was read before that grew may be half of one and half of another.
    pub(crate) fn times(&self) -> u64 {
        self.times.load(Acquire)
    }

    /// Whether circuits of keys are to be ignored.
    pub(crate) fn panics(&self) -> bool {
        self.panics.load(Relaxed)
    }

    /// Weight of a tier's open seats.
    pub(crate) fn weight(&self, tier: usize) -> u64 {
        self.weights.get(tier).map_or(0, |weight| weight.load(Relaxed))
    }

    /// Weight of a tier's seats that are on their way back.
    pub(crate) fn returning_weight(&self, tier: usize) -> u64 {
        self.returning_weights.get(tier).map_or(0, |weight| weight.load(Relaxed))
    }

    fn is_fresh(&self, version: u64, now: Moment) -> bool {
        self.version.load(Acquire) == version
            && self.until.load(Relaxed) > now.wall_ms()
            && now.monotonic_ms().saturating_sub(self.at.load(Relaxed)) < LOOK_AGAIN_MS
    }
}

impl Lane {
    /// Brings what is noted up to date, unless another thread is at it.
    pub(crate) fn look(&self, now: Moment) {
        let version = self.endpoint.version();
        if self.noted.is_fresh(version, now) {
            return;
        }
        if let Ok(_noting) = self.noted.noting.try_lock() {
            self.note(version, now);
        }
    }

    /// The same, but waits for a thread that is at it. Returns whether anything was noted since it had been `times`.
    pub(crate) fn look_closely(&self, times: u64, now: Moment) -> bool {
        let _noting = self.noted.noting.lock().unwrap_or_else(PoisonError::into_inner);
        let version = self.endpoint.version();
        if !self.noted.is_fresh(version, now) {
            self.note(version, now);
        }
        self.noted.times() != times
    }

    fn note(&self, version: u64, now: Moment) {
        let Seen { ready, failing, half_open, returning, until } = self.see(now);
        let benched = failing.or(&half_open);
        let panics = self.panics(&ready, &benched);
        let noted = &self.noted;
        let open = if panics { ready.or(&benched) } else { ready };
        noted.open.write(&open);
        noted.half_open.write(&if panics { Mask::empty(self.seats.len()) } else { half_open });
        noted.returning.write(&returning);
        noted.benched.write(&benched);
        noted.panics.store(panics, Relaxed);
        let weights = noted.weights.iter().zip(&noted.returning_weights);
        for ((weight, back), tier) in weights.zip(&self.tiers) {
            weight.store(tier.weight_of(&open.within(&tier.range)), Relaxed);
            back.store(tier.weight_of(&returning.within(&tier.range)), Relaxed);
        }
        noted.until.store(until, Relaxed);
        noted.at.store(now.monotonic_ms(), Relaxed);
        noted.version.store(version, Release);
        noted.times.fetch_add(1, AcqRel);
    }

    /// Whether so many accounts rest for a moment's trouble that resting does more harm than good. Counted by accounts:
    /// the keys of one fail together and are no evidence about the others.
    fn panics(&self, ready: &Mask, benched: &Mask) -> bool {
        let most = usize::try_from(self.endpoint.settings().panic_percent).unwrap_or(100);
        let accounts = || self.tiers.iter().flat_map(|tier| tier.homes.iter());
        let working = accounts().filter(|account| account.is_open(ready)).count();
        let resting = accounts().filter(|account| !account.is_open(ready) && account.is_open(benched)).count();
        resting * 100 > (working + resting) * most
    }

    fn see(&self, now: Moment) -> Seen {
        let empty = Mask::empty(self.seats.len());
        let mut seen = Seen { ready: empty, failing: empty, half_open: empty, returning: empty, until: i64::MAX };
        let settings = self.endpoint.settings();
        for (index, seat) in self.seats.iter().enumerate() {
            if seat.is_expired(now) {
                continue;
            }
            seen.until = seen.until.min(seat.expires);
            let both = [&seat.key.fitness, &seat.on_model.fitness];
            for fitness in both {
                fitness.wake(now, &self.endpoint);
            }
            let [of_key, of_model] = both.map(|fitness| fitness.fit(now, settings));
            match worse(of_key, of_model) {
                Fit::Resting(until) => seen.until = seen.until.min(until),
                Fit::Failing(until) => {
                    seen.failing.set(index);
                    seen.until = seen.until.min(until);
                }
                Fit::HalfOpen => seen.half_open.set(index),
                Fit::Returning => {
                    seen.ready.set(index);
                    seen.returning.set(index);
                    let ends = both.iter().filter_map(|fitness| fitness.ramp_ends(now, settings));
                    seen.until = ends.fold(seen.until, i64::min);
                }
                Fit::Ready => seen.ready.set(index),
            }
        }
        seen
    }
}

struct Seen {
    ready: Mask,
    failing: Mask,
    half_open: Mask,
    returning: Mask,
    until: i64,
}

/// The worse of two.
pub(crate) fn worse(one: Fit, other: Fit) -> Fit {
    let rank = |fit: Fit| match fit {
        Fit::Ready => 0,
        Fit::Returning => 1,
        Fit::HalfOpen => 2,
        Fit::Failing(_) => 3,
        Fit::Resting(_) => 4,
    };
    match (one, other) {
        (Fit::Resting(one), Fit::Resting(other)) => Fit::Resting(one.max(other)),
        (Fit::Failing(one), Fit::Failing(other)) => Fit::Failing(one.max(other)),
        (one, other) if rank(other) > rank(one) => other,
        (one, _) => one,
    }
}

/// A set of seats that all threads share.
#[derive(Debug)]
struct Bits(Box<[AtomicU64]>);

impl Bits {
    fn new(seats: usize) -> Self {
        Self((0..seats.div_ceil(64)).map(|_| AtomicU64::new(0)).collect())
    }

    fn read(&self) -> Mask {
        Mask::of(self.0.iter().map(|word| word.load(Relaxed)))
    }

    fn write(&self, mask: &Mask) {
        self.0.iter().zip(mask.words()).for_each(|(word, bits)| word.store(*bits, Relaxed));
    }
}
