//! What an answer's headers say is left of the provider's limits. Read from every answer: nothing is allocated, and an
//! answer that says nothing is recognised by one look at the names of its headers.

mod families;

use http::{HeaderMap, HeaderName};
use keyward_domain::provider::ProviderKind;
use keyward_domain::quota::{Meter, Quota};
use keyward_domain::time::Timestamp;

use crate::retry_after::{Clock, decimal};
use families::{ANTHROPIC, COMPATIBLE, Family, OPENAI};

/// What is left, meter by meter. A meter whose `remaining` is missing, negative (Azure sends -1 for "unknown") or not a
/// number is left out; a reset of 0 means that the provider does not know it.
///
/// Gemini, Bedrock, DeepSeek, Perplexity, NVIDIA and Ollama send no such headers.
pub fn quota(kind: ProviderKind, headers: &HeaderMap, now: Timestamp) -> Quota {
    let (families, mark): (&[Family], &str) = match kind {
        ProviderKind::Gemini => return Quota::default(),
        ProviderKind::Anthropic => (&ANTHROPIC, "anthropic-ratelimit-"),
        ProviderKind::OpenAi => (&OPENAI, "x-ratelimit-"),
        ProviderKind::OpenAiCompatible | ProviderKind::Sandbox => (&COMPATIBLE, "x-"),
    };
    let mut quota = Quota::default();
    if !headers.keys().any(|name| speaks_of_limits(name, mark)) {
        return quota;
    }
    let clock = Clock::new(headers, now);
    for family in families {
        if let Some(meter) = read(family, headers, &clock, now) {
            quota.add(meter);
        }
    }
    quota
}

fn speaks_of_limits(name: &HeaderName, mark: &str) -> bool {
    let Some(rest) = name.as_str().strip_prefix(mark) else { return false };
    mark != "x-" || rest.starts_with("ratelimit-") || rest.starts_with("tokenlimit-") || rest.starts_with("trial-")
}

fn read(family: &Family, headers: &HeaderMap, clock: &Clock<'_>, now: Timestamp) -> Option<Meter> {
    let text = |name: &HeaderName| headers.get(name)?.to_str().ok().map(str::trim);
    let remaining = text(&family.remaining).and_then(whole)?;
    let reset = text(&family.reset).and_then(|text| clock.wait(text));
    Some(Meter {
        counts: family.counts,
        window: family.window,
        limit: text(&family.limit).and_then(whole),
        remaining,
        resets: reset.filter(|wait| !wait.is_zero()).map(|wait| now.plus(wait)),
        is_models: family.is_models,
    })
}

/// The whole part of a number; some servers send fractions.
fn whole(text: &str) -> Option<u64> {
    decimal(text, 1_000_000_000).map(|number| number.as_secs())
}
