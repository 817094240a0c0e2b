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
    /// Nobody answered, or the answer broke off.
    NotAnswered,
    /// No connection, or no answer, in time.
    TimedOut,
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
    pub const ALL: [Self; 13] = [
        Self::RateLimited,
        Self::QuotaExhausted,
        Self::Rejected,
        Self::NoPermission,
        Self::ModelMissing,
        Self::Overloaded,
        Self::Failed,
        Self::NotAnswered,
        Self::TimedOut,
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
            Self::TimedOut => "timed_out",
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

/// How many rules of their own operators may give a provider.
pub const MAX_OVERRIDES: usize = 64;
/// How long the texts of an override may be, in bytes.
pub const MAX_OVERRIDE_TEXT: usize = 200;
/// How long a trouble may last by an override, at most: longer than any month.
pub const MAX_REST: Duration = Duration::from_hours(32 * 24);

/// What an operator says an answer of a provider means. It goes before the rules that are built in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleOverride {
    /// HTTP status of the answer; 200 for an error inside a good answer. `None` fits any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The error's code, reason or type, in any case. `None` fits any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Part of the error's message, in any case. `None` fits any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contains: Option<String>,
    /// Whose trouble it is.
    pub blame: Blame,
    /// How long it lasts.
    pub lasts: Rest,
    /// What the call does next; by default what follows from the blame.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Next>,
    /// What kind of trouble it is; by default what follows from blame and duration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<Trouble>,
    /// What explanations say about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// How long an override says that the trouble lasts: `moment`, `human`, or a length like `30s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Rest {
    /// As long as the answer says, and if it says nothing, a moment.
    Moment,
    /// Exactly this long, whatever the answer says.
    For(Duration),
    /// Until a person does something about it.
    Human,
}

/// Why an override is not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadOverride {
    /// It would fit every answer.
    #[error("a rule needs at least one of `status`, `code` and `contains`; this one would fit every answer")]
    FitsAll,
    /// No status of an answer.
    #[error("`status` is 200 or from 400 to 599, not {0}")]
    Status(u16),
    /// An empty text.
    #[error("`{0}` must not be empty; leave it out to let the rule fit any")]
    Empty(&'static str),
    /// A text beyond the limit.
    #[error("`{0}` is longer than {MAX_OVERRIDE_TEXT} bytes")]
    TooLong(&'static str),
    /// A length of nothing, or beyond the limit.
    #[error("`lasts` is longer than nothing and at most 32 days")]
    Length,
    /// Not a length.
    #[error("`lasts` is `moment`, `human`, or a length like `30s`, `15m`, `6h` or `1d`, not `{0}`")]
    Lasts(String),
    /// A request that fails with every key cannot be tried with another one.
    #[error("what is the request's own fault (`blame: request`) can only be passed on (`next: use`) or given up")]
    Next,
    /// Too many of them.
    #[error("a provider has at most {MAX_OVERRIDES} rules of its own, not {0}")]
    TooMany(usize),
}

impl RuleOverride {
    /// Whether it makes sense.
    pub fn check(&self) -> Result<(), BadOverride> {
        if self.status.is_none() && self.code.is_none() && self.contains.is_none() {
            return Err(BadOverride::FitsAll);
        }
        if let Some(status) = self.status.filter(|status| *status != 200 && !(400..=599).contains(status)) {
            return Err(BadOverride::Status(status));
        }
        for (name, text) in [("code", &self.code), ("contains", &self.contains), ("reason", &self.reason)] {
            match text.as_deref().map(|text| text.trim().len()) {
                Some(0) => return Err(BadOverride::Empty(name)),
                Some(length) if length > MAX_OVERRIDE_TEXT => return Err(BadOverride::TooLong(name)),
                _ => {}
            }
        }
        match self.lasts {
            Rest::For(length) if length.is_zero() || length > MAX_REST => return Err(BadOverride::Length),
            _ => {}
        }
        let is_final = !self.next.is_some_and(|next| !matches!(next, Next::Use | Next::GiveUp));
        if self.blame == Blame::Request && !is_final { Err(BadOverride::Next) } else { Ok(()) }
    }

    /// Whether all rules of a provider make sense; with the place of the first that does not, counted from 0.
    pub fn check_all(rules: &[Self]) -> Result<(), (usize, BadOverride)> {
        if rules.len() > MAX_OVERRIDES {
            return Err((MAX_OVERRIDES, BadOverride::TooMany(rules.len())));
        }
        rules.iter().enumerate().try_for_each(|(at, rule)| rule.check().map_err(|bad| (at, bad)))
    }
}

impl std::str::FromStr for Rest {
    type Err = BadOverride;

    fn from_str(text: &str) -> Result<Self, BadOverride> {
        match text.trim() {
            "moment" => Ok(Self::Moment),
            "human" => Ok(Self::Human),
            length => parse_length(length).map(Self::For).ok_or_else(|| BadOverride::Lasts(text.to_owned())),
        }
    }
}

impl TryFrom<String> for Rest {
    type Error = BadOverride;

    fn try_from(text: String) -> Result<Self, BadOverride> {
        text.parse()
    }
}

impl From<Rest> for String {
    fn from(rest: Rest) -> Self {
        match rest {
            Rest::Moment => "moment".to_owned(),
            Rest::Human => "human".to_owned(),
            Rest::For(length) if length.subsec_millis() == 0 => format!("{}s", length.as_secs()),
            Rest::For(length) => format!("{}ms", length.as_millis()),
        }
    }
}

/// A whole number of one unit.
fn parse_length(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at_checked(text.find(|c: char| !c.is_ascii_digit())?)?;
    let millis: u64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(millis).map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use super::{BadOverride, Blame, Next, Rest, RuleOverride};

    fn read(text: &str) -> Result<RuleOverride, serde_json::Error> {
        serde_json::from_str(text)
    }

    #[test]
    fn k01_an_override_is_kept_as_it_is_written() {
        for lasts in ["moment", "human", "30s", "1500ms", "900s"] {
            let text = format!(r#"{{"status":429,"contains":"slow","blame":"model_on_key","lasts":"{lasts}"}}"#);
            let rule = read(&text).unwrap();
            assert_eq!(rule.check(), Ok(()));
            assert_eq!(serde_json::to_string(&rule).unwrap(), text);
        }
        assert_eq!("15m".parse::<Rest>(), "900s".parse());
    }

    #[test]
    fn k01_an_override_that_makes_no_sense_says_why() {
        for bad in ["soon", "", "30", "s", "-1s", "1.5s", "99999999999999999999s", "18446744073709551615d"] {
            assert_eq!(bad.parse::<Rest>(), Err(BadOverride::Lasts(bad.to_owned())));
        }
        let bad = |text: &str| read(text).unwrap().check().unwrap_err();
        assert_eq!(bad(r#"{"blame":"key","lasts":"human"}"#), BadOverride::FitsAll);
        assert_eq!(bad(r#"{"status":302,"blame":"key","lasts":"human"}"#), BadOverride::Status(302));
        assert_eq!(bad(r#"{"code":" ","blame":"key","lasts":"human"}"#), BadOverride::Empty("code"));
        assert_eq!(bad(r#"{"code":"x","blame":"key","lasts":"0s"}"#), BadOverride::Length);
        assert_eq!(bad(r#"{"code":"x","blame":"key","lasts":"33d"}"#), BadOverride::Length);
        assert_eq!(bad(r#"{"code":"x","blame":"request","lasts":"moment","next":"other_key"}"#), BadOverride::Next);
        let long = format!(r#"{{"contains":"{}","blame":"key","lasts":"human"}}"#, "x".repeat(201));
        assert_eq!(bad(&long), BadOverride::TooLong("contains"));
        assert!(read(r#"{"code":"x","blame":"nobody","lasts":"human"}"#).is_err());
        assert!(read(r#"{"code":"x","blame":"key","lasts":"human","until":1}"#).is_err(), "an unknown field");
        let fine = read(r#"{"code":"x","blame":"request","lasts":"moment","next":"give_up"}"#).unwrap();
        assert_eq!((fine.check(), fine.next, fine.blame), (Ok(()), Some(Next::GiveUp), Blame::Request));
        let many = vec![fine; 65];
        assert_eq!(RuleOverride::check_all(&many), Err((64, BadOverride::TooMany(65))));
    }
}
