//! What an answer of a provider means: who is to blame for it, how long that lasts, and what follows for the call.
//! Adapters judge, the pool remembers, the attempt loop acts.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// Whose trouble it is. Everything that shares in the blame rests together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Blame {
    /// The request itself: it fails with every key.
    Request,
    /// This key: unknown, revoked, not permitted.
    Key,
    /// The account behind the key: its limits, credit or standing. The keys of its quota group share it.
    Account,
    /// This key with this model: not in its plan, or the model's own limit is used up.
    ModelOnKey,
    /// The model at this provider, whatever the key: retired, overloaded, missing.
    Model,
    /// The provider as a whole: failing or overloaded.
    Provider,
    /// The way there: no connection, broken off, no answer in time.
    Network,
}

impl Blame {
    /// Every blame.
    pub const ALL: [Self; 7] =
        [Self::Request, Self::Key, Self::Account, Self::ModelOnKey, Self::Model, Self::Provider, Self::Network];

    /// The word that config, rows, APIs and metrics use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Key => "key",
            Self::Account => "account",
            Self::ModelOnKey => "model_on_key",
            Self::Model => "model",
            Self::Provider => "provider",
            Self::Network => "network",
        }
    }

    /// The blame that this word names.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|blame| blame.as_str() == word)
    }
}

/// How long the trouble lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lasts {
    /// A moment; nobody said how long.
    Moment,
    /// Until this time, as the provider stated it or as its rules define it (the start of its next day or month). Taken
    /// as said, never multiplied.
    Until(Timestamp),
    /// Until a person does something about it.
    Human,
}

impl Lasts {
    /// How long it lasts from `now` on, where that is known.
    pub fn left(self, now: Timestamp) -> Option<Duration> {
        match self {
            Self::Until(until) => Some(until.since(now)),
            Self::Moment | Self::Human => None,
        }
    }
}

/// What the call does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Next {
    /// Pass the answer on as it is: it is the client's to see.
    Use,
    /// Ask again; the same key may serve, another may as well.
    Retry,
    /// Another key of the same provider.
    OtherKey,
    /// A key of another account of the same provider.
    OtherAccount,
    /// Another deployment: another provider, or another model where an alias allows it.
    OtherDeployment,
    /// Nobody can serve the call, and the answer must not reach the client.
    GiveUp,
}

impl Next {
    /// The word that config, explanations and metrics use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Use => "use",
            Self::Retry => "retry",
            Self::OtherKey => "other_key",
            Self::OtherAccount => "other_account",
            Self::OtherDeployment => "other_deployment",
            Self::GiveUp => "give_up",
        }
    }
}

/// What one answer, or the lack of one, was judged to mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// Whose trouble it is.
    pub blame: Blame,
    /// How long it lasts.
    pub lasts: Lasts,
    /// What the call does next.
    pub next: Next,
    /// What kind of trouble it is.
    pub trouble: Trouble,
    /// What happened, in words for explanations; a constant or an operator's text, never the provider's.
    pub reason: std::borrow::Cow<'static, str>,
    /// Whether a rule knew this answer. What no rule knows is judged by its status alone, counted, and shown.
    pub known: bool,
}

/// Kinds of trouble, as far as something depends on the difference: the state that a key goes to, and which fallbacks
/// of an alias apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// Too fast: requests or tokens for the moment.
    RateLimited,
    /// A quota for a longer time is used up: day, month, credit, spend limit.
    QuotaExhausted,
    /// The key is unknown, revoked, expired, reported as leaked, or its account is closed.
    Rejected,
    /// The key works, but not for this: scope, region, address, feature.
    NoPermission,
    /// The key's account, or the provider, does not have the model.
    ModelMissing,
    /// The provider has no capacity right now.
    Overloaded,
    /// The provider failed.
    Failed,
    /// Nobody answered, or not in time, or the answer broke off.
    NotAnswered,
    /// The prompt is longer than the model takes.
    ContextTooLong,
    /// Refused for what the prompt or the answer says.
    ContentPolicy,
    /// The request is malformed or asks for what the model cannot do.
    BadRequest,
    /// The answer must not be followed or understood: a redirect, not HTTP, our own fault.
    Unusable,
}

impl Trouble {
    /// Every kind.
    pub const ALL: [Self; 12] = [
        Self::RateLimited,
        Self::QuotaExhausted,
        Self::Rejected,
        Self::NoPermission,
        Self::ModelMissing,
        Self::Overloaded,
        Self::Failed,
        Self::NotAnswered,
        Self::ContextTooLong,
        Self::ContentPolicy,
        Self::BadRequest,
        Self::Unusable,
    ];

    /// The word that config, rows, explanations and metrics use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RateLimited => "rate_limited",
            Self::QuotaExhausted => "quota_exhausted",
            Self::Rejected => "rejected",
            Self::NoPermission => "no_permission",
            Self::ModelMissing => "model_missing",
            Self::Overloaded => "overloaded",
            Self::Failed => "failed",
            Self::NotAnswered => "not_answered",
            Self::ContextTooLong => "context_too_long",
            Self::ContentPolicy => "content_policy",
            Self::BadRequest => "bad_request",
            Self::Unusable => "unusable",
        }
    }

    /// The kind that this word names.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|trouble| trouble.as_str() == word)
    }
}
