//! What a provider's answer means: whose trouble it is, how long that lasts, what the call does next.
//!
//! Rules are tables, one per vendor ([`Rule`]), read from the top: code first, then type, then words, then status. The
//! operator's own rules go before them. What no rule knows is judged by its status, carefully, and says so
//! ([`Judgement::known`]).
//!
//! What the provider says about time is believed within bounds:
//!
//! | what is limited | who says until when | believed |
//! |---|---|---|
//! | the moment, or the provider fails | `retry-after` in any spelling, `RetryInfo`, a sentence | 0.1 s to 300 s ([`MIN_REST`], [`MAX_MOMENT`]) |
//! | the moment | else the reset of the meter that is empty, the latest of several | up to 25 h ([`MAX_METER`]); beyond 300 s it is a used-up quota |
//! | a quota of a day or month | the same, in the same order | up to 32 days ([`MAX_WAIT`](crate::retry_after::MAX_WAIT)), a meter up to 25 h |
//! | a quota of a day or month | else the vendor's calendar ([`Reset`]) | as it is |
//! | credit, a rejected key | nobody: a person has to act | for good |
//!
//! What is negative or past counts as 0.1 s for the moment and as not said for a quota; what cannot be read is not said.

mod calendar;
mod lasting;
mod overriding;
mod rule;
mod said;
mod silence;

use std::borrow::Cow;

use http::{HeaderMap, StatusCode};
use keyward_domain::judgement::{Blame, Judgement, Lasts, Next, RuleOverride, Trouble};
use keyward_domain::provider::ProviderKind;
use keyward_domain::time::Timestamp;

use crate::{anthropic, gemini, openai, openai_compatible};
pub use calendar::Reset;
pub use lasting::{MAX_METER, MAX_MOMENT, MIN_REST};
pub use rule::{BY_STATUS, Rests, Rule, Then, UNKNOWN_BY_STATUS};
pub(crate) use said::{BEHIND, MODERATED, OWN_LIMIT, QUOTA_PER_DAY, TOLD_WHEN};
use said::{MAX_BODY, Said};
pub use silence::{NotAnswered, not_answered};

/// An answer to judge.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The sort of server that answered.
    pub kind: ProviderKind,
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// Its body, or the beginning of it.
    pub body: &'a [u8],
    /// The operator's own rules for the provider.
    pub overrides: &'a [RuleOverride],
    /// When it came.
    pub now: Timestamp,
}

/// Says what an answer means. Of a good answer only errors inside it are judged, as [`in_band`] does; what has none is
/// the request's and to be used.
pub fn judgement(asked: &Asked<'_>) -> Judgement {
    let Asked { kind, status, headers, body, overrides, now } = *asked;
    if status.is_success() {
        return in_band(kind, body, overrides, now).unwrap_or_else(|| simply(Then::BAD_REQUEST, "a good answer"));
    }
    if status.is_redirection() {
        return unusable("the provider answers with a redirect, which is never followed");
    }
    if status.is_informational() {
        return unusable("the provider's answer is none");
    }
    judged(kind, &Said::read(status, headers, body, now), headers, overrides, now)
}

/// Judges an error that came inside a good answer: a JSON body with status 200, or an event of a stream. `None` when
/// there is no error in it.
///
/// `body` is the whole JSON body or the event's data; anything beyond 64 KiB is no error. Meant for calls that generate:
/// who fetches a stored response or batch that failed gets a good answer with that failure in it.
pub fn in_band(kind: ProviderKind, body: &[u8], overrides: &[RuleOverride], now: Timestamp) -> Option<Judgement> {
    let is_worth_it = body.len() <= MAX_BODY && said::may_be_error(body);
    let said = is_worth_it.then(|| Said::read_in_band(body, now))??;
    Some(judged(kind, &said, &HeaderMap::new(), overrides, now))
}

/// The rule of the tables that knows an answer, for explanations and tests; overrides are left aside.
pub fn rule(asked: &Asked<'_>) -> Option<&'static Rule> {
    let said = if asked.status.is_success() {
        Said::read_in_band(asked.body, asked.now)?
    } else {
        Said::read(asked.status, asked.headers, asked.body, asked.now)
    };
    first_fit(asked.kind, &said)
}

/// The tables that an answer of this kind of server is looked up in, in order. A server that speaks OpenAI's API may be
/// anything, or stand before anything.
pub fn tables(kind: ProviderKind) -> [&'static [Rule]; 6] {
    let vendors: [&'static [Rule]; 4] = match kind {
        ProviderKind::OpenAi => [openai::RULES, &[], &[], &[]],
        ProviderKind::Anthropic => [anthropic::RULES, &[], &[], &[]],
        ProviderKind::Gemini => [gemini::RULES, &[], &[], &[]],
        ProviderKind::OpenAiCompatible | ProviderKind::Sandbox => {
            [openai_compatible::RULES, openai::RULES, gemini::RULES, anthropic::RULES]
        }
    };
    let [first, second, third, fourth] = vendors;
    [first, second, third, fourth, BY_STATUS, UNKNOWN_BY_STATUS]
}

fn first_fit(kind: ProviderKind, said: &Said) -> Option<&'static Rule> {
    tables(kind).into_iter().flatten().find(|rule| rule.fits(said))
}

fn judged(
    kind: ProviderKind,
    said: &Said,
    headers: &HeaderMap,
    overrides: &[RuleOverride],
    now: Timestamp,
) -> Judgement {
    let (then, reason, known) = if let Some((then, reason)) = overriding::first_fit(overrides, said) {
        (then, reason, true)
    } else if let Some(rule) = first_fit(kind, said) {
        let known = !UNKNOWN_BY_STATUS.iter().any(|unknown| std::ptr::eq(unknown, rule));
        (advised(rule.then, headers), Cow::Borrowed(rule.why), known)
    } else {
        let (then, reason) = unheard_of(said, headers);
        (then, Cow::Borrowed(reason), false)
    };
    let (lasts, trouble) = lasting::lasting(&then, said, kind, headers, now);
    Judgement { blame: then.blame, lasts, next: then.next, trouble, reason, known }
}

/// What no rule knows at all: a failure of the provider when it says so, else the client's to see.
fn unheard_of(said: &Said, headers: &HeaderMap) -> (Then, &'static str) {
    if should_retry(headers) == Some(true) {
        return (Then::FAILED, "the provider asks to retry");
    }
    match said.status {
        Some(status) if status < 500 => (Then::BAD_REQUEST, "the provider refused the request"),
        Some(_) => (advised(Then::FAILED, headers), "the provider failed"),
        None => (Then::FAILED, "the provider reported an error inside its answer"),
    }
}

/// What the provider itself advises against is not retried.
fn advised(then: Then, headers: &HeaderMap) -> Then {
    let is_futile = then.next == Next::Retry && should_retry(headers) == Some(false);
    if is_futile { Then { next: Next::Use, ..then } } else { then }
}

/// `x-should-retry`, which OpenAI and Anthropic send to overrule what the status alone would suggest.
fn should_retry(headers: &HeaderMap) -> Option<bool> {
    match headers.get("x-should-retry")?.as_bytes() {
        b"true" => Some(true),
        b"false" => Some(false),
        _ => None,
    }
}

fn unusable(reason: &'static str) -> Judgement {
    Judgement { blame: Blame::Provider, next: Next::GiveUp, trouble: Trouble::Unusable, ..simply(Then::FAILED, reason) }
}

fn simply(then: Then, reason: &'static str) -> Judgement {
    let reason = Cow::Borrowed(reason);
    Judgement { blame: then.blame, lasts: Lasts::Moment, next: then.next, trouble: then.trouble, reason, known: true }
}
