//! From what the meter saw to a ledger row.

use std::time::Duration;

use keyward_dialect::tee::Metered;
use keyward_domain::cost::{ChargeContext, charge};
use keyward_domain::ledger::AttemptOutcome;
use keyward_domain::money::Nanodollars;
use keyward_domain::usage::{Usage, UsageSource};

use crate::ledger::Spent;
use crate::stage::attempt::{BYTES_PER_TOKEN, OpenAttempt};
use crate::stage::read::Asked;

/// When things happened, on the monotonic clock.
#[derive(Clone, Copy)]
pub(super) struct Times {
    pub(super) first_content: Option<Duration>,
    pub(super) ended: Duration,
    pub(super) now: Duration,
}

/// What the attempt consumed and cost.
pub(super) fn spent(attempt: &OpenAttempt, metered: Metered, outcome: AttemptOutcome, times: Times) -> Spent {
    let (usage, source) = consumed(attempt, &metered, outcome);
    let facts = asked_facts(&attempt.asked);
    let charged = ChargeContext { facts: &facts, ..ChargeContext::of_tier(metered.service_tier.as_deref()) };
    let cost = match source {
        UsageSource::None => Some(Nanodollars::ZERO),
        _ => charge(&attempt.target.pricing, &usage, &charged),
    };
    let before = attempt.sent.saturating_sub(attempt.arrived).saturating_sub(attempt.waited);
    Spent {
        outcome,
        status: attempt.status,
        usage,
        source,
        cost,
        raw_usage: metered.raw_usage,
        duration: times.now.saturating_sub(attempt.sent),
        first_content: times.first_content.map(|at| at.saturating_sub(attempt.sent)),
        overhead: before + times.now.saturating_sub(times.ended),
    }
}

/// The provider's own figures where there are any; what was seen, at four bytes a token, where there are none. An
/// error before any content, without usage, costs nothing.
fn consumed(attempt: &OpenAttempt, metered: &Metered, outcome: AttemptOutcome) -> (Usage, UsageSource) {
    if attempt.is_free {
        return (metered.usage.unwrap_or_default(), UsageSource::None);
    }
    let seen = metered.content_bytes.div_ceil(BYTES_PER_TOKEN);
    match (metered.usage, metered.source) {
        (Some(usage), UsageSource::Provider) => (usage, UsageSource::Provider),
        (Some(usage), _) => {
            let output = usage.output.max(seen);
            (Usage { output, ..usage }, UsageSource::Partial)
        }
        (None, _) if outcome == AttemptOutcome::UpstreamError && metered.content_bytes == 0 => {
            (Usage::default(), UsageSource::None)
        }
        (None, _) => {
            let prompt = attempt.prompt_estimate();
            (
                Usage { output: if attempt.asked.characters.is_some() { 0 } else { seen }, ..prompt },
                UsageSource::Estimated,
            )
        }
    }
}

/// Facts that choose a variant of a price.
fn asked_facts(asked: &Asked) -> Vec<(&str, &str)> {
    let size = asked.size.as_deref().map(|size| ("size", size));
    let quality = asked.quality.as_deref().map(|quality| ("quality", quality));
    size.into_iter().chain(quality).collect()
}
