//! What a provider's answer means for the call and for the key. Rules are tables, one per vendor ([`Rule`]), read
//! from the top: code first, then type, then words, then status. What no table knows is the client's to see.

mod rule;
mod said;

pub use rule::{Rule, Then};

use std::time::Duration;

use http::{HeaderMap, StatusCode};
use keyward_domain::denial::Denial;
use keyward_domain::provider::ProviderKind;

use crate::{anthropic, gemini, openai, openai_compatible, retry_after};
use said::Said;
pub(crate) use said::{MODERATED, OWN_LIMIT, QUOTA_PER_DAY};

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
    /// Too fast. Heals by itself.
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

/// Says what an answer means. `body` may be the beginning of the body; of a good answer it is not looked at.
///
/// Errors inside a stream or a body that came with status 200 are the meter's to find, not this function's.
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
    let said = Said::read(status, headers, body);
    let rules = match kind {
        ProviderKind::OpenAi | ProviderKind::Sandbox => openai::RULES,
        ProviderKind::Anthropic => anthropic::RULES,
        ProviderKind::Gemini => gemini::RULES,
        ProviderKind::OpenAiCompatible => openai_compatible::RULES,
    };
    if let Some(rule) = rules.iter().find(|rule| rule.fits(&said)) {
        return verdict(rule, &said, headers);
    }
    match rule::BY_STATUS.iter().find(|rule| rule.fits(&said)) {
        Some(rule) if rule.then == Then::NextDeployment && should_retry(headers) == Some(false) => Verdict::Use,
        Some(rule) => verdict(rule, &said, headers),
        None if should_retry(headers) == Some(true) => Verdict::NextDeployment { reason: "the provider asks to retry" },
        None => Verdict::Use,
    }
}

fn verdict(rule: &Rule, said: &Said, headers: &HeaderMap) -> Verdict {
    let reason = rule.why;
    let key = match rule.then {
        Then::Use => return Verdict::Use,
        Then::NextDeployment => return Verdict::NextDeployment { reason },
        Then::OurFault => return Verdict::GiveUp { denial: Denial::UpstreamError(reason.to_owned()) },
        Then::Rejected => KeyTrouble::Rejected,
        Then::NoPermission => KeyTrouble::NoPermission,
        Then::NoCredit => KeyTrouble::NoCredit,
        Then::ModelMissing => KeyTrouble::ModelMissing,
        Then::RateLimited => KeyTrouble::RateLimited {
            retry_after: retry_after::from_headers(headers)
                .or(said.retry_delay)
                .or_else(|| retry_after::from_message(&said.message)),
        },
        Then::RestsFor(length) => KeyTrouble::RateLimited { retry_after: Some(length) },
    };
    Verdict::NextKey { reason, key }
}

/// `x-should-retry`, which OpenAI and Anthropic send to overrule what the status alone would suggest.
fn should_retry(headers: &HeaderMap) -> Option<bool> {
    match headers.get("x-should-retry")?.as_bytes() {
        b"true" => Some(true),
        b"false" => Some(false),
        _ => None,
    }
}
