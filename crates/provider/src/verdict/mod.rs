//! A judgement in the words of a call that knows one pool and no memory: use, next key, next deployment, give up.

use std::borrow::Cow;
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use keyward_domain::denial::Denial;
use keyward_domain::judgement::{Blame, Judgement, Lasts, Next, Trouble};
use keyward_domain::provider::ProviderKind;
use keyward_domain::time::Timestamp;

use crate::judgement::{Asked, judgement};
use crate::retry_after::Clock;

/// What to do with a provider's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// A final answer, good or bad: pass it on as it is.
    Use,
    /// This key cannot serve the call; another key of the provider may.
    NextKey {
        /// What happened, in words for explanations; a constant, never the provider's text.
        reason: &'static str,
        /// What is the matter with the key.
        key: KeyTrouble,
    },
    /// The provider cannot serve the call now whatever the key; the next deployment may.
    NextDeployment {
        /// What happened, in words for explanations.
        reason: &'static str,
    },
    /// Nobody can serve the call, and the answer must not reach the client.
    GiveUp {
        /// What the client is told instead.
        denial: Denial,
    },
}

/// What is the matter with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyTrouble {
    /// Unknown, revoked, expired, reported as leaked, or its account is closed. A human has to look.
    Rejected,
    /// It works, but not for this: scope, region, address, feature.
    NoPermission,
    /// The account cannot pay: credit, spend limit, billing. Heals when somebody pays or a month begins.
    NoCredit,
    /// Too fast, or the day's quota is used up. Heals by itself.
    RateLimited {
        /// When it is worth trying again, when the provider said so.
        retry_after: Option<Duration>,
    },
    /// This key's account does not have the model.
    ModelMissing,
}

impl KeyTrouble {
    /// The word that logs, metrics and explanations use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rejected => "rejected",
            Self::NoPermission => "no_permission",
            Self::NoCredit => "no_credit",
            Self::RateLimited { .. } => "rate_limited",
            Self::ModelMissing => "model_missing",
        }
    }
}

/// What is used up for longer than a day is spoken of as missing credit.
const LONGEST_LIMIT: Duration = Duration::from_hours(25);

/// Says what an answer means. `body` may be the beginning of the body; of a good answer it is not looked at.
pub fn judge(kind: ProviderKind, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Verdict {
    if status.is_success() {
        return Verdict::Use;
    }
    if status.is_redirection() {
        return Verdict::GiveUp { denial: Denial::UpstreamRedirect };
    }
    if status.is_informational() {
        return Verdict::GiveUp { denial: Denial::UpstreamMalformed(format!("status {}", status.as_u16())) };
    }
    // Only lengths are wanted here, so any clock will do; the answer's own is best.
    let now = Clock::new(headers, Timestamp::EPOCH).answered();
    verdict(&judgement(&Asked { kind, status, headers, body, overrides: &[], now }), now)
}

fn verdict(judgement: &Judgement, now: Timestamp) -> Verdict {
    let reason = match &judgement.reason {
        Cow::Borrowed(reason) => *reason,
        Cow::Owned(_) => "a rule of the operator says so",
    };
    let key = match (judgement.next, judgement.trouble) {
        (Next::Use, _) => return Verdict::Use,
        (Next::GiveUp, _) => return Verdict::GiveUp { denial: Denial::UpstreamError(reason.to_owned()) },
        (_, Trouble::ModelMissing) => KeyTrouble::ModelMissing,
        (_, _) if !is_keys(judgement.blame) => return Verdict::NextDeployment { reason },
        (_, Trouble::Rejected) => KeyTrouble::Rejected,
        (_, Trouble::QuotaExhausted) => used_up(judgement.lasts, now),
        (_, Trouble::RateLimited) => KeyTrouble::RateLimited { retry_after: judgement.lasts.left(now) },
        (_, _) => KeyTrouble::NoPermission,
    };
    Verdict::NextKey { reason, key }
}

const fn is_keys(blame: Blame) -> bool {
    matches!(blame, Blame::Key | Blame::Account | Blame::ModelOnKey)
}

fn used_up(lasts: Lasts, now: Timestamp) -> KeyTrouble {
    match lasts.left(now) {
        Some(left) if left <= LONGEST_LIMIT => KeyTrouble::RateLimited { retry_after: Some(left) },
        _ => KeyTrouble::NoCredit,
    }
}
