//! Why no key serves a call, key by key, and when one will.

use std::fmt;
use std::sync::Arc;

use keyward_domain::credential::CredentialState;
use keyward_domain::ids::CredentialId;
use keyward_domain::standing::{KeyStanding, Standing};
use keyward_domain::time::Timestamp;
use serde::Serialize;

use crate::ask::Ask;
use crate::circuit::Phase;
use crate::endpoint::Door;
use crate::headroom::Need;
use crate::lane::{Lane, Seat};
use crate::limit::Estimate;
use crate::moment::Moment;
use crate::pool::{Pool, Seated};
use crate::standing::{Fit, Fitness};

/// Nothing is left to choose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Nothing {
    /// Every key of the pool and why it was passed over.
    pub keys: Vec<Passed>,
    /// The soonest moment at which one of them can serve the call; `None` when none will by itself.
    pub back: Option<Timestamp>,
    /// What keeps the whole provider or the model from being asked, if that is it.
    pub whole: Option<Why>,
}

/// A key that was passed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Passed {
    /// Which key.
    pub credential: CredentialId,
    /// What people call it.
    #[serde(serialize_with = "text")]
    pub name: Arc<str>,
    /// Why.
    pub why: Why,
    /// When that is over by itself.
    pub back: Option<Timestamp>,
}

/// Why a key was passed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum Why {
    /// An operator decided so, or it was never validated.
    NotInUse {
        /// The state it is in.
        state: CredentialState,
    },
    /// Its time is over.
    Expired,
    /// It is not for this model.
    NotForModel,
    /// It belongs to another account than the one that the call is bound to.
    OtherAccount,
    /// It rests.
    Standing {
        /// Its standing.
        standing: Standing,
        /// Whether for this model alone.
        for_model: bool,
        /// Why, as a sentence for people.
        reason: String,
    },
    /// Another call is trying whether it works again.
    CanaryOut,
    /// As many calls are under way as it may have.
    Full,
    /// One of its own limits has no room for the call.
    Limit {
        /// Which: `rpm`, `tpm`, `rpd` or `daily_cost`.
        limit: &'static str,
    },
    /// Its provider says that too little is left for the call.
    NoHeadroom,
    /// It was tried in this call already.
    Tried,
    /// Its account was tried in this call and has nothing left.
    AccountTried,
    /// The model is not to be asked for at this provider now.
    ModelRests,
    /// The provider is not to be asked now.
    ProviderRests,
    /// It was free a moment ago.
    Busy,
}

impl Nothing {
    /// Whether everything that could serve the call merely rests: waiting helps. Else a person has to do something.
    pub const fn is_resting(&self) -> bool {
        self.back.is_some()
    }
}

impl fmt::Display for Nothing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(whole) = &self.whole {
            return write!(f, "{whole}");
        }
        f.write_str(if self.is_resting() { "all keys rest" } else { "no usable key" })?;
        self.keys.iter().enumerate().try_for_each(|(index, passed)| {
            write!(f, "{} {}: {}", if index == 0 { ":" } else { ";" }, passed.name, passed.why)
        })
    }
}

impl std::error::Error for Nothing {}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotInUse { state } => f.write_str(state.as_str()),
            Self::Expired => f.write_str("expired"),
            Self::NotForModel => f.write_str("not for this model"),
            Self::OtherAccount => f.write_str("of another account than the call is bound to"),
            Self::Standing { standing, for_model, reason } => {
                let scope = if *for_model { " for this model" } else { "" };
                write!(f, "{}{scope}: {reason}", standing.as_str())
            }
            Self::CanaryOut => f.write_str("another call is trying whether it works again"),
            Self::Full => f.write_str("as many calls under way as it may have"),
            Self::Limit { limit } => write!(f, "its limit {limit} has no room for the call"),
            Self::NoHeadroom => f.write_str("its provider says that too little is left"),
            Self::Tried => f.write_str("tried already"),
            Self::AccountTried => f.write_str("its account was tried already"),
            Self::ModelRests => f.write_str("the model rests at this provider"),
            Self::ProviderRests => f.write_str("the provider rests"),
            Self::Busy => f.write_str("busy a moment ago"),
        }
    }
}

impl Pool {
    /// What keeps every key from serving a call that found none.
    pub(crate) fn nothing(&self, lane: &Lane, ask: &Ask<'_>, now: Moment) -> Nothing {
        let whole = self.shut(lane, ask, now);
        let keys: Vec<_> = self
            .members
            .iter()
            .map(|seated| {
                let found = passed_over(seated, lane, ask, now);
                // Everything that was in the way a moment ago may be gone by now.
                let (why, back) = found.unwrap_or((Why::Busy, Some(now.wall)));
                Passed { credential: seated.member.credential, name: Arc::clone(&seated.name), why, back }
            })
            .collect();
        let soonest = keys.iter().filter_map(|passed| passed.back).min();
        let back = match &whole {
            // Later than any key: the way there is shut until then.
            Some((_, until)) => soonest.map(|soonest| soonest.max(*until)),
            None => soonest,
        };
        Nothing { keys, back, whole: whole.map(|(why, _)| why) }
    }

    /// What keeps the provider or the model from being asked, and until when.
    pub(crate) fn shut(&self, lane: &Lane, ask: &Ask<'_>, now: Moment) -> Option<(Why, Timestamp)> {
        let settings = self.endpoint.settings();
        if let Door::Shut(until) = self.endpoint.health.look(ask.is_alone, now, settings) {
            return Some((Why::ProviderRests, until));
        }
        match lane.on_provider.health.look(ask.is_alone, now, settings) {
            Door::Shut(until) => Some((Why::ModelRests, until)),
            Door::Open | Door::Canary => None,
        }
    }
}

/// What keeps a key from serving a call, and when that is over by itself; `None` when nothing does.
pub(crate) fn passed_over(
    seated: &Seated,
    lane: &Lane,
    ask: &Ask<'_>,
    now: Moment,
) -> Option<(Why, Option<Timestamp>)> {
    let member = &seated.member;
    if !member.is_in_use() {
        return Some((Why::NotInUse { state: member.state }, None));
    }
    let Some(index) = lane.place(member.credential) else { return Some((Why::NotForModel, None)) };
    let seat = lane.seat(index)?;
    if seat.is_expired(now) {
        return Some((Why::Expired, None));
    }
    if ask.pin.is_some_and(|account| account != seat.account) {
        return Some((Why::OtherAccount, None));
    }
    let panics = lane.noted.panics();
    let rests = of_fitness(&seat.key.fitness, false, panics, lane, now);
    rests
        .or_else(|| of_fitness(&seat.on_model.fitness, true, panics, lane, now))
        .or_else(|| of_limits(seat, ask, now))
        .or_else(|| of_call(seat, ask))
}

fn of_fitness(
    fitness: &Fitness,
    for_model: bool,
    panics: bool,
    lane: &Lane,
    now: Moment,
) -> Option<(Why, Option<Timestamp>)> {
    let settings = lane.endpoint.settings();
    match fitness.fit(now, settings) {
        Fit::Resting(_) => standing_of(fitness, for_model, now),
        Fit::Failing(_) if !panics => standing_of(fitness, for_model, now),
        Fit::HalfOpen if !panics && fitness.circuit.has_canary_out(now) => {
            Some((Why::CanaryOut, Some(now.wall.plus(settings.open_first))))
        }
        Fit::Ready | Fit::Returning | Fit::HalfOpen | Fit::Failing(_) => None,
    }
}

fn standing_of(fitness: &Fitness, for_model: bool, now: Moment) -> Option<(Why, Option<Timestamp>)> {
    let KeyStanding { standing, reason, .. } = fitness.known(now)?;
    Some((Why::Standing { standing, for_model, reason }, standing.until()))
}

fn of_limits(seat: &Seat, ask: &Ask<'_>, now: Moment) -> Option<(Why, Option<Timestamp>)> {
    if seat.limits.concurrency.is_some_and(|places| seat.key.in_flight() >= places) {
        // Nobody knows when a call ends: now is the soonest.
        return Some((Why::Full, (seat.limits.concurrency != Some(0)).then_some(now.wall)));
    }
    let estimate = Estimate::new(ask.tokens, ask.cost);
    let refusal = seat.key.counters().and_then(|counters| counters.refusal(&seat.limits, estimate, now));
    if let Some((limit, back)) = refusal {
        return Some((Why::Limit { limit: limit.as_str() }, back));
    }
    let need = Need { tokens: ask.tokens };
    seat.room(need, now).is_none().then(|| {
        let back = seat.group.meters.back(need, now).max(seat.meters.back(need, now));
        (Why::NoHeadroom, back)
    })
}

fn of_call(seat: &Seat, ask: &Ask<'_>) -> Option<(Why, Option<Timestamp>)> {
    if ask.tried.contains(&seat.key.credential) {
        return Some((Why::Tried, None));
    }
    ask.avoid.contains(&seat.account).then_some((Why::AccountTried, None))
}

/// Where a circuit is, in a word.
pub(crate) const fn phase_word(phase: Phase) -> &'static str {
    match phase {
        Phase::Closed => "closed",
        Phase::Open(_) => "open",
        Phase::HalfOpen => "half_open",
    }
}

pub(crate) fn text<S: serde::Serializer>(text: &Arc<str>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}
