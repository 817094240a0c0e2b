//! Why no key serves a call, key by key, and when one will.

mod reason;

use std::fmt;
use std::sync::Arc;

use keyward_domain::credential::CredentialState;
use keyward_domain::ids::CredentialId;
use keyward_domain::standing::Standing;
use keyward_domain::time::Timestamp;
use serde::Serialize;

use crate::ask::Ask;
use crate::circuit::Phase;
use crate::endpoint::Door;
use crate::lane::Lane;
use crate::moment::Moment;
use crate::pool::{Pool, Seated};

pub(crate) use reason::{Detail, passed_over};

/// Keys that are listed by name with a reason, at most.
const MAX_LISTED: usize = 64;

/// Nothing is left to choose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Nothing {
    /// The first keys of the pool, up to 64, and why each was passed over.
    pub keys: Vec<Passed>,
    /// How many more there are.
    pub more: usize,
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
    #[serde(flatten)]
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
    /// As many calls are under way at the provider as it takes now.
    ProviderFull,
    /// As many calls are under way for the model as it takes now.
    ModelFull,
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
        })?;
        if self.more > 0 { write!(f, "; and {} more", self.more) } else { Ok(()) }
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
            Self::ProviderFull => f.write_str("as many calls are under way at the provider as it takes now"),
            Self::ModelFull => f.write_str("as many calls are under way for the model as it takes now"),
            Self::Busy => f.write_str("busy a moment ago"),
        }
    }
}

impl Pool {
    /// What keeps every key from serving a call that found none.
    pub(crate) fn nothing(&self, lane: &Lane, ask: &Ask<'_>, now: Moment) -> Nothing {
        let whole = self.shut(lane, ask, now);
        let (listed, more) = self.members.split_at(self.members.len().min(MAX_LISTED));
        let keys: Vec<_> = listed
            .iter()
            .map(|seated| {
                let (why, back) = passed(seated, lane, ask, Detail::Reason, now);
                Passed { credential: seated.member.credential, name: Arc::clone(&seated.name), why, back }
            })
            .collect();
        let beyond = more.iter().filter_map(|seated| passed(seated, lane, ask, Detail::Time, now).1);
        let soonest = keys.iter().filter_map(|passed| passed.back).chain(beyond).min();
        let back = match &whole {
            // Later than any key: the way there is shut until then.
            Some((_, until)) => soonest.map(|soonest| soonest.max(*until)),
            None => soonest,
        };
        Nothing { keys, more: more.len(), back, whole: whole.map(|(why, _)| why) }
    }

    /// What keeps the provider or the model from being asked, and until when.
    pub(crate) fn shut(&self, lane: &Lane, ask: &Ask<'_>, now: Moment) -> Option<(Why, Timestamp)> {
        let settings = self.endpoint.settings();
        if let Door::Shut(until) = self.endpoint.health.look(ask, now, settings) {
            return Some((Why::ProviderRests, until));
        }
        match lane.on_provider.health.look(ask, now, settings) {
            Door::Shut(until) => Some((Why::ModelRests, until)),
            // Nobody knows when a call ends: now is the soonest.
            Door::Open | Door::Canary(_) => lane.full(now).map(|why| (why, now.wall)),
        }
    }
}

fn passed(seated: &Seated, lane: &Lane, ask: &Ask<'_>, detail: Detail, now: Moment) -> (Why, Option<Timestamp>) {
    // Everything that was in the way a moment ago may be gone by now.
    passed_over(seated, lane, ask, detail, now).unwrap_or((Why::Busy, Some(now.wall)))
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
