//! What is known of a key's fitness for use: its standing, why, since when and until when. Learned from traffic and
//! probes, kept across restarts; every change is an event. The operator's own decisions are
//! [`CredentialState`](crate::credential::CredentialState) and go before.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ids::{CredentialId, RequestId};
use crate::judgement::Trouble;
use crate::time::Timestamp;

/// How fit for use a key, or a key with one model, is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(tag = "standing", rename_all = "snake_case")]
pub enum Standing {
    /// Nothing is known against it.
    #[default]
    Active,
    /// Told to rest, or failing too often: back by itself at this time.
    Cooling {
        /// When it is back.
        until: Timestamp,
    },
    /// A quota is used up or the credit is gone: back at a reset, or when somebody pays.
    Exhausted {
        /// When it resets; `None` when only a person can help.
        until: Option<Timestamp>,
    },
    /// The provider does not accept it; a person has to look.
    Suspect,
}

impl Standing {
    /// The word that rows, APIs and metrics use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Cooling { .. } => "cooling",
            Self::Exhausted { .. } => "exhausted",
            Self::Suspect => "suspect",
        }
    }

    /// The standing that these two columns hold.
    pub fn parse(word: &str, until: Option<Timestamp>) -> Option<Self> {
        match (word, until) {
            ("active", _) => Some(Self::Active),
            ("cooling", Some(until)) => Some(Self::Cooling { until }),
            ("exhausted", until) => Some(Self::Exhausted { until }),
            ("suspect", _) => Some(Self::Suspect),
            _ => None,
        }
    }

    /// When it is over by itself; `None` for one that is not, or that nothing is known against.
    pub const fn until(self) -> Option<Timestamp> {
        match self {
            Self::Cooling { until } => Some(until),
            Self::Exhausted { until } => until,
            Self::Active | Self::Suspect => None,
        }
    }

    /// Whether calls may be sent at this moment.
    pub fn is_usable(self, now: Timestamp) -> bool {
        match self {
            Self::Active => true,
            Self::Suspect => false,
            Self::Cooling { until } => until <= now,
            Self::Exhausted { until } => until.is_some_and(|until| until <= now),
        }
    }

    /// How long until it is usable; `None` when only a person can help.
    pub fn rest(self, now: Timestamp) -> Option<Duration> {
        match self {
            Self::Active => Some(Duration::ZERO),
            Self::Suspect => None,
            Self::Cooling { until } => Some(until.since(now)),
            Self::Exhausted { until } => until.map(|until| until.since(now)),
        }
    }
}

/// The standing of a key, or of a key with one model, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyStanding {
    /// Which key.
    pub credential: CredentialId,
    /// With which of the provider's models; `None` for the key as a whole.
    pub model: Option<String>,
    /// How fit it is.
    #[serde(flatten)]
    pub standing: Standing,
    /// Why, as a sentence for people; no secret, nothing of the provider's text.
    pub reason: String,
    /// What kind of trouble, when it was trouble.
    pub trouble: Option<Trouble>,
    /// Who or what said so.
    pub cause: Cause,
    /// Since when.
    pub since: Timestamp,
}

/// Who or what changed a standing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Cause {
    /// The answer to a call.
    Answer {
        /// The call.
        request: RequestId,
        /// The provider's status; 0 when there was no answer.
        status: u16,
    },
    /// A lease's report.
    Lease {
        /// The lease.
        lease: RequestId,
    },
    /// A probe.
    Probe,
    /// Another key of the same quota group learned it.
    Sibling {
        /// Which key.
        credential: CredentialId,
    },
    /// An operator.
    Operator {
        /// Who, as the audit log names them.
        principal: String,
    },
    /// Its time had come.
    Time,
}

impl Cause {
    /// The word that rows and metrics use.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Answer { .. } => "answer",
            Self::Lease { .. } => "lease",
            Self::Probe => "probe",
            Self::Sibling { .. } => "sibling",
            Self::Operator { .. } => "operator",
            Self::Time => "time",
        }
    }
}

/// A change of a standing: what it was, and what it is now, with who and why and until when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyEvent {
    /// When.
    pub at: Timestamp,
    /// What it was.
    pub from: Standing,
    /// What it is now.
    pub now: KeyStanding,
}

/// Which events are wanted; newest first.
#[derive(Debug, Clone, Default)]
pub struct KeyEventFilter {
    /// Only those of this key.
    pub credential: Option<CredentialId>,
    /// Only those before this position: the cursor of the page before.
    pub before: Option<u64>,
    /// Only those that happened at this moment or later.
    pub since: Option<Timestamp>,
    /// At most this many.
    pub limit: u32,
}
