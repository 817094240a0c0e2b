//! How fit a key, or a key with one model, is: what it was told to rest for, and its circuit. Reading is a few atomic
//! loads; changing takes a lock and tells the registry's notice, in the order of the changes.

mod lesson;

use std::sync::atomic::AtomicI64;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use keyward_domain::ids::CredentialId;
use keyward_domain::judgement::{MAX_REST, Trouble};
use keyward_domain::standing::{Cause, KeyEvent, KeyStanding, Standing};
use keyward_domain::time::Timestamp;

use crate::circuit::{Circuit, Failure, Phase};
use crate::endpoint::Endpoint;
use crate::moment::{Moment, wall_millis};
use crate::settings::Settings;

pub(crate) use lesson::{Lesson, lesson};

/// How long an operator may let a key rest, at most.
const OPERATORS_MAX_REST: Duration = Duration::from_hours(367 * 24);
/// The end of a rest that only a person can end, in milliseconds of wall time.
pub(crate) const FOR_GOOD: i64 = i64::MAX;

/// The fitness of a key, or of a key with one model.
#[derive(Debug)]
pub(crate) struct Fitness {
    credential: CredentialId,
    model: Option<Arc<str>>,
    /// Wall time in milliseconds until which it was told to rest; 0 when it was not.
    resting: AtomicI64,
    /// How much later than now that can be at most, in milliseconds; when it is more, the clock was ahead.
    longest: AtomicI64,
    pub(crate) circuit: Circuit,
    /// Wall time at which it came back last; 0 when it was never away. Its share grows from there.
    returned: AtomicI64,
    /// What the standing is and why; `None` while nothing is known against it.
    record: Mutex<Option<Box<Record>>>,
}

/// Why it does not get its full share. `told` outlives `failing` and the other way round; the first is shown.
#[derive(Debug, Clone, Default)]
struct Record {
    /// By the provider, by its rules, or by an operator.
    told: Option<KeyStanding>,
    /// Its circuit is not closed.
    failing: Option<KeyStanding>,
}

/// How fit at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fit {
    /// Fully.
    Ready,
    /// Back since not long: its share grows.
    Returning,
    /// One canary at a time.
    HalfOpen,
    /// Not, until this wall time in milliseconds, for a moment's trouble.
    Failing(i64),
    /// Not, until this wall time in milliseconds, because somebody said so.
    Resting(i64),
}

/// A new standing and where it comes from.
#[derive(Debug, Clone)]
pub(crate) struct Change<'a> {
    pub(crate) standing: Standing,
    pub(crate) reason: &'a str,
    pub(crate) trouble: Option<Trouble>,
    pub(crate) cause: Cause,
}

impl Fitness {
    pub(crate) fn new(credential: CredentialId, model: Option<Arc<str>>) -> Self {
        Self {
            credential,
            model,
            resting: AtomicI64::new(0),
            longest: AtomicI64::new(wall_millis(MAX_REST)),
            circuit: Circuit::default(),
            returned: AtomicI64::new(0),
            record: Mutex::new(None),
        }
    }

    /// How fit it is now. Reads only.
    pub(crate) fn fit(&self, now: Moment, settings: &Settings) -> Fit {
        let resting = self.resting.load(Acquire);
        if self.holds(resting, now) {
            return Fit::Resting(resting);
        }
        match self.circuit.phase(now, settings) {
            Phase::Open(until) => Fit::Failing(until),
            Phase::HalfOpen => Fit::HalfOpen,
            Phase::Closed if self.share(now, settings) < FULL_SHARE => Fit::Returning,
            Phase::Closed => Fit::Ready,
        }
    }

    /// How much of its fair share it gets, in thousandths: less than all for a while after it came back.
    pub(crate) fn share(&self, now: Moment, settings: &Settings) -> u32 {
        let returned = self.returned.load(Relaxed);
        if returned == 0 {
            return FULL_SHARE;
        }
        let ramp = wall_millis(settings.ramp).max(1);
        let since = now.wall_ms().saturating_sub(returned);
        if !(0..ramp).contains(&since) {
            return FULL_SHARE;
        }
        u32::try_from(since.saturating_mul(1000) / ramp).unwrap_or(FULL_SHARE).max(LEAST_SHARE)
    }

    /// When the way back is over, as wall time in milliseconds; `None` when it is not on its way.
    pub(crate) fn ramp_ends(&self, now: Moment, settings: &Settings) -> Option<i64> {
        let returned = self.returned.load(Relaxed);
        (self.share(now, settings) < FULL_SHARE).then(|| returned + wall_millis(settings.ramp))
    }

    /// The standing as it is kept; `None` while nothing is known against it.
    pub(crate) fn known(&self, now: Moment) -> Option<KeyStanding> {
        let record = self.lock();
        let record = record.as_deref()?;
        let told = record.told.as_ref().filter(|told| self.holds(resting_of(told.standing), now));
        told.or(record.failing.as_ref()).cloned()
    }

    /// What it was told since when, as far as that still holds.
    pub(crate) fn told(&self) -> Option<KeyStanding> {
        self.lock().as_deref().and_then(|record| record.told.clone())
    }

    /// Whether nothing is known against it.
    pub(crate) fn is_blank(&self) -> bool {
        self.lock().is_none()
    }

    /// It is told to rest. The longer rest wins, and one that is over already is none; returns whether that changed
    /// anything.
    pub(crate) fn rest(&self, change: &Change<'_>, now: Moment, endpoint: &Endpoint) -> bool {
        self.tell(change, now, endpoint, |was, new| !new.is_usable(now.wall) && outlasts(new, was))
    }

    /// An operator lets it rest, for longer or shorter than it would. Not what the provider rejects: it would be back
    /// when that rest is over. Returns whether it rests as told now.
    pub(crate) fn cool(&self, change: &Change<'_>, now: Moment, endpoint: &Endpoint) -> bool {
        self.tell(change, now, endpoint, |was, new| was != new && was != Standing::Suspect);
        self.told().is_some_and(|told| told.standing == change.standing)
    }

    /// Nothing is held against it any more: an operator or a probe said so.
    pub(crate) fn clear(&self, change: &Change<'_>, now: Moment, endpoint: &Endpoint) -> bool {
        let mut slot = self.lock();
        let Some(was) = slot.take() else { return self.circuit.reset(now) };
        self.resting.store(0, Release);
        self.circuit.reset(now);
        self.come_back(now);
        endpoint.changed(event(was.shown(), self.standing(change, now), now));
        true
    }

    /// Ends the rest whose time has come. Returns whether there was one.
    pub(crate) fn wake(&self, now: Moment, endpoint: &Endpoint) -> bool {
        let resting = self.resting.load(Acquire);
        if resting == 0 || self.holds(resting, now) {
            return false;
        }
        let mut slot = self.lock();
        // Another thread may have told it to rest again, or woken it.
        if self.resting.compare_exchange(resting, 0, AcqRel, Acquire).is_err() {
            return false;
        }
        let from = slot.as_deref().map_or(Standing::Active, Record::shown);
        if let Some(record) = slot.as_deref_mut() {
            record.told = None;
        }
        let failing = slot.as_deref().and_then(|record| record.failing.clone());
        if failing.is_none() {
            *slot = None;
        }
        self.come_back(now);
        let back = Change { standing: Standing::Active, reason: BACK, trouble: None, cause: Cause::Time };
        let shown = failing.unwrap_or_else(|| self.standing(&back, now));
        endpoint.changed(event(from, shown, now));
        true
    }

    /// A call failed for a reason that lasts a moment.
    pub(crate) fn fail(&self, change: &Change<'_>, failure: Failure, now: Moment, endpoint: &Endpoint) {
        let Some(until) = self.circuit.fail(failure, now, endpoint.settings()) else { return };
        let standing = Standing::Cooling { until: Timestamp::from_unix_millis(until) };
        let failing = self.standing(&Change { standing, ..change.clone() }, now);
        let mut slot = self.lock();
        // A success may have closed it again meanwhile.
        if self.circuit.opened_until() != until {
            return;
        }
        let record = slot.get_or_insert_default();
        let from = record.shown();
        record.failing = Some(failing.clone());
        let shown = record.told.clone().unwrap_or(failing);
        endpoint.changed(event(from, shown, now));
    }

    /// A call succeeded that began at this moment.
    pub(crate) fn succeed(&self, began: Moment, cause: &Cause, now: Moment, endpoint: &Endpoint) {
        if !self.circuit.succeed(began, now) {
            return;
        }
        let mut slot = self.lock();
        // A failure may have opened it again meanwhile, or it never was told that it had opened.
        if self.circuit.opened_until() != 0 || slot.as_deref().is_none_or(|record| record.failing.is_none()) {
            return;
        }
        let from = slot.as_deref().map_or(Standing::Active, Record::shown);
        if let Some(record) = slot.as_deref_mut() {
            record.failing = None;
        }
        let told = slot.as_deref().and_then(|record| record.told.clone());
        if told.is_none() {
            *slot = None;
        }
        self.come_back(now);
        let back = Change { standing: Standing::Active, reason: WORKS_AGAIN, trouble: None, cause: cause.clone() };
        let shown = told.unwrap_or_else(|| self.standing(&back, now));
        endpoint.changed(event(from, shown, now));
    }

    /// What was known before a restart.
    pub(crate) fn restore(&self, known: KeyStanding) {
        self.longest.store(longest_of(&known.cause), Relaxed);
        self.resting.store(resting_of(known.standing), Release);
        *self.lock() = Some(Box::new(Record { told: Some(known), failing: None }));
    }

    fn tell(
        &self,
        change: &Change<'_>,
        now: Moment,
        endpoint: &Endpoint,
        wins: impl Fn(Standing, Standing) -> bool,
    ) -> bool {
        let mut slot = self.lock();
        let was =
            slot.as_deref().and_then(|record| record.told.as_ref()).map_or(Standing::Active, |told| told.standing);
        let was = if self.holds(resting_of(was), now) { was } else { Standing::Active };
        if !wins(was, change.standing) {
            return false;
        }
        let told = self.standing(change, now);
        let record = slot.get_or_insert_default();
        let from = record.shown();
        record.told = Some(told.clone());
        self.longest.store(longest_of(&told.cause), Relaxed);
        self.resting.store(resting_of(change.standing), Release);
        endpoint.changed(event(from, told, now));
        true
    }

    /// Whether a rest until this wall time still lasts.
    fn holds(&self, until: i64, now: Moment) -> bool {
        let left = until.saturating_sub(now.wall_ms());
        left > 0 && (until == FOR_GOOD || left <= self.longest.load(Relaxed))
    }

    fn come_back(&self, now: Moment) {
        self.returned.store(now.wall_ms(), Relaxed);
    }

    fn standing(&self, change: &Change<'_>, now: Moment) -> KeyStanding {
        KeyStanding {
            credential: self.credential,
            model: self.model.as_deref().map(str::to_owned),
            standing: change.standing,
            reason: change.reason.to_owned(),
            trouble: change.trouble,
            cause: change.cause.clone(),
            since: now.wall,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Box<Record>>> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All of the fair share, in thousandths.
pub(crate) const FULL_SHARE: u32 = 1000;
/// What a key gets at least when it is back: enough to be measured.
const LEAST_SHARE: u32 = 50;

const BACK: &str = "its time had come";
const WORKS_AGAIN: &str = "a call succeeded";

impl Record {
    fn shown(&self) -> Standing {
        self.told.as_ref().or(self.failing.as_ref()).map_or(Standing::Active, |known| known.standing)
    }
}

fn event(from: Standing, stands: KeyStanding, now: Moment) -> KeyEvent {
    KeyEvent { at: now.wall, from, now: stands }
}

fn resting_of(standing: Standing) -> i64 {
    match standing {
        Standing::Active => 0,
        Standing::Cooling { until } | Standing::Exhausted { until: Some(until) } => until.unix_millis(),
        Standing::Exhausted { until: None } | Standing::Suspect => FOR_GOOD,
    }
}

/// How long a rest can be at most, in milliseconds, by who asks for it.
fn longest_of(cause: &Cause) -> i64 {
    wall_millis(if matches!(cause, Cause::Operator { .. }) { OPERATORS_MAX_REST } else { MAX_REST })
}

/// Whether a new standing goes before the one that holds: what the provider rejects before what is used up for good,
/// and else the later end.
fn outlasts(new: Standing, was: Standing) -> bool {
    match (new, was) {
        (_, Standing::Suspect) => false,
        (Standing::Suspect, _) => true,
        (new, was) => resting_of(new) > resting_of(was),
    }
}
