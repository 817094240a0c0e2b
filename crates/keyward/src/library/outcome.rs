//! How it went with a provider key that was handed out.

use std::borrow::Cow;
use std::time::Duration;

use http::header::RETRY_AFTER;
use http::{HeaderMap, StatusCode};
use keyward_domain::judgement::{Blame, Judgement, Lasts, Next, Trouble};
use keyward_domain::ledger::AttemptOutcome;
use keyward_domain::time::Timestamp;
use keyward_domain::usage::Usage;
use keyward_gateway::ProviderEntry;
use keyward_provider::{Asked, NotAnswered, judgement, not_answered};

/// How it went with a provider key that was handed out: what [`Lease::report`](crate::Lease::report) is told.
///
/// ```
/// use std::time::Duration;
/// use keyward::{Failure, Outcome, Usage};
///
/// let good = Outcome::succeeded(Usage { input_uncached: 12, output: 40, ..Usage::default() })
///     .first_content(Duration::from_millis(180));
/// let slow_down = Outcome::rate_limited(Duration::from_secs(60));
/// let bad = Outcome::failed(Failure::answered(401, r#"{"error":{"code":"invalid_api_key"}}"#));
/// let nobody_there = Outcome::failed(Failure::not_answered());
/// # drop((good, slow_down, bad, nobody_there));
/// ```
#[derive(Debug, Clone)]
pub struct Outcome {
    pub(super) went: Went,
    pub(super) usage: Usage,
    pub(super) model: Option<String>,
}

#[derive(Debug, Clone)]
pub(super) enum Went {
    Well(Option<Duration>),
    TooFast(Duration),
    Wrong(Failure),
    Unused,
}

/// What the provider said instead of answering well. Its own rules decide what that means for the key: whether it rests,
/// for how long, and whether the other keys of its account rest with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// `None` when nobody answered.
    status: Option<u16>,
    body: String,
    retry_after: Option<Duration>,
}

impl Outcome {
    /// A good answer that consumed this much, in tokens.
    pub fn succeeded(usage: Usage) -> Self {
        Self { went: Went::Well(None), usage, model: None }
    }

    /// The provider said to slow down, for this long: exactly so long the key's account rests. Zero leaves it to the
    /// pool's circuit breaker.
    pub fn rate_limited(rest: Duration) -> Self {
        Self { went: Went::TooFast(rest), usage: Usage::default(), model: None }
    }

    /// The provider answered with an error, or not at all. A status alone is a [`Failure`] too.
    pub fn failed(failure: impl Into<Failure>) -> Self {
        Self { went: Went::Wrong(failure.into()), usage: Usage::default(), model: None }
    }

    /// The key was not used after all: everything is as if it had not been handed out.
    pub fn unused() -> Self {
        Self { went: Went::Unused, usage: Usage::default(), model: None }
    }

    /// How long the first content took, counted from sending. Without it a success counts as long as the lease was held.
    #[must_use]
    pub fn first_content(mut self, after: Duration) -> Self {
        if let Went::Well(first) = &mut self.went {
            *first = Some(after);
        }
        self
    }

    /// Which of the provider's models it was, where the lease was taken for none: the price depends on it.
    #[must_use]
    pub fn on_model(mut self, model: impl Into<String>) -> Self {
        self.model = Some(model.into());
        self
    }

    /// What a call that failed consumed all the same, in tokens.
    #[must_use]
    pub fn having_used(mut self, usage: Usage) -> Self {
        self.usage = usage;
        self
    }

    /// What it means; `None` for what went well, or was never tried.
    pub(super) fn judged(&self, provider: &ProviderEntry, now: Timestamp) -> Option<Judgement> {
        match &self.went {
            Went::Well(_) | Went::Unused => None,
            Went::TooFast(rest) => Some(Judgement {
                blame: Blame::Account,
                lasts: if rest.is_zero() { Lasts::Moment } else { Lasts::Until(now.plus(*rest)) },
                next: Next::OtherAccount,
                trouble: Trouble::RateLimited,
                reason: Cow::Borrowed("too fast, as a lease reported"),
                known: true,
            }),
            Went::Wrong(failure) => Some(failure.judged(provider, now)),
        }
    }

    /// The ledger's word for it, and the provider's status.
    pub(super) fn ended(&self) -> (AttemptOutcome, u16) {
        match &self.went {
            Went::Well(_) => (AttemptOutcome::Completed, 200),
            Went::TooFast(_) => (AttemptOutcome::UpstreamError, 429),
            Went::Wrong(failure) => (AttemptOutcome::UpstreamError, failure.status.unwrap_or(0)),
            Went::Unused => (AttemptOutcome::NotSent, 0),
        }
    }

    /// The same as a sentence.
    pub(super) fn told(&self, judged: Option<&Judgement>) -> String {
        match (&self.went, judged) {
            (Went::Well(_), _) => "answered well".to_owned(),
            (Went::Unused, _) => "given back unused".to_owned(),
            (_, Some(judged)) => judged.reason.to_string(),
            (_, None) => "failed".to_owned(),
        }
    }
}

impl Failure {
    /// The provider answered with this HTTP status and this body. Only the first 64 KiB of it are read.
    pub fn answered(status: u16, body: impl Into<String>) -> Self {
        Self { status: Some(status), body: body.into(), retry_after: None }
    }

    /// Nobody answered: no connection, or it broke, or nothing came in time.
    pub fn not_answered() -> Self {
        Self { status: None, body: String::new(), retry_after: None }
    }

    /// When the provider said to try again.
    #[must_use]
    pub fn retry_after(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }

    fn judged(&self, provider: &ProviderEntry, now: Timestamp) -> Judgement {
        let status = self.status.and_then(|status| StatusCode::from_u16(status).ok());
        let Some(status) = status.filter(|status| !status.is_success()) else {
            return not_answered(NotAnswered::Broken);
        };
        let mut headers = HeaderMap::new();
        if let Some(after) = self.retry_after {
            headers.insert(RETRY_AFTER, super::error::whole_seconds(after).into());
        }
        let body = self.body.as_bytes();
        let overrides = provider.rules();
        judgement(&Asked { kind: provider.kind, status, headers: &headers, body, overrides, now })
    }
}

/// An HTTP status of which nothing more is known.
impl From<u16> for Failure {
    fn from(status: u16) -> Self {
        Self::answered(status, "")
    }
}
