//! Limits: how many calls or tokens a scope may use within a length of time, and how many calls at once.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::budget::Mode;
use crate::ids::{LimitId, TenantId};
use crate::principal::Realm;
use crate::scope::Reach;
use crate::time::Timestamp;

/// The most limits that may be set on one scope, or on each scope of a kind, by those who administer the installation; and
/// as many by those who administer the tenant.
pub const MAX_PER_REACH: usize = 16;

/// The most limits of an installation.
pub const MAX_LIMITS: usize = 10_000;

/// The most limits that those who administer one tenant may set, so that none takes all that the installation has.
pub const MAX_OF_TENANT: usize = 1_000;

/// The largest quota, and the largest burst.
pub const MAX_QUOTA: u64 = 1_000_000_000_000;

/// A limit as it is stored. One scope may have several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// Its id.
    pub id: LimitId,
    /// Whose it is.
    pub tenant: TenantId,
    /// For which part of the installation whoever set it spoke: nobody who is confined to less changes it.
    #[serde(default)]
    pub set_by: Realm,
    /// What it is set on.
    pub reach: Reach,
    /// What is counted.
    pub meter: Meter,
    /// How much of it. 0 blocks everything.
    pub quota: u64,
    /// Within which length of time; what is in flight at once has none.
    pub period: Option<LimitPeriod>,
    /// Without it, at most `quota` in any stretch of one period. With it, `quota` per period evenly spread, and so much at
    /// once.
    pub burst: Option<u64>,
    /// Whether it acts.
    #[serde(default)]
    pub mode: Mode,
    /// What happens when the shared counters cannot be asked.
    #[serde(default)]
    pub on_loss: OnLoss,
    /// When it was created.
    pub created_at: Timestamp,
    /// Grows by one with every change.
    pub revision: u64,
}

/// What a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Meter {
    /// Calls.
    Requests,
    /// Tokens of prompts.
    InputTokens,
    /// Tokens of answers.
    OutputTokens,
    /// Both.
    Tokens,
    /// Calls in flight at once.
    Concurrency,
}

/// The length of time of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitPeriod {
    /// A second.
    Second,
    /// 60 seconds.
    Minute,
    /// 60 minutes.
    Hour,
    /// 24 hours.
    Day,
}

/// What a limit does while the counters that several nodes share cannot be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnLoss {
    /// Each node goes on with its share: the quota divided by the number of nodes.
    #[default]
    LocalShare,
    /// Calls that it applies to are refused.
    Closed,
    /// It is not enforced.
    Open,
}

impl OnLoss {
    /// Every policy.
    pub const ALL: [Self; 3] = [Self::LocalShare, Self::Closed, Self::Open];

    /// The word that config, APIs and messages use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LocalShare => "local_share",
            Self::Closed => "closed",
            Self::Open => "open",
        }
    }
}

impl Meter {
    /// Every meter.
    pub const ALL: [Self; 5] = [Self::Requests, Self::InputTokens, Self::OutputTokens, Self::Tokens, Self::Concurrency];

    /// The word that config, APIs and messages use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::InputTokens => "input_tokens",
            Self::OutputTokens => "output_tokens",
            Self::Tokens => "tokens",
            Self::Concurrency => "concurrency",
        }
    }

    /// The meter that this word names.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|meter| meter.as_str() == word)
    }
}

impl LimitPeriod {
    /// Every period, shortest first.
    pub const ALL: [Self; 4] = [Self::Second, Self::Minute, Self::Hour, Self::Day];

    /// The word that config, APIs and messages use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }

    /// The period that this word names.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|period| period.as_str() == word)
    }

    /// How long it is.
    pub const fn length(self) -> Duration {
        match self {
            Self::Second => Duration::from_secs(1),
            Self::Minute => Duration::from_mins(1),
            Self::Hour => Duration::from_hours(1),
            Self::Day => Duration::from_hours(24),
        }
    }
}
