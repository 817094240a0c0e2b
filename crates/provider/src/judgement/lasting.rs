//! How long a trouble lasts: what the answer states, within bounds, else what the rule says.

use std::time::Duration;

use http::HeaderMap;
use keyward_domain::judgement::{Blame, Lasts, Trouble};
use keyward_domain::provider::ProviderKind;
use keyward_domain::time::Timestamp;

use super::rule::{Rests, Then};
use super::said::Said;
use crate::quota::quota;
use crate::retry_after::{self, MAX_WAIT};

/// A stated wait is never taken for shorter: at once is what brought the refusal about.
pub const MIN_REST: Duration = Duration::from_millis(100);
/// What limits the moment (requests or tokens per minute, no capacity) is never taken for longer, whatever
/// `retry-after` says: a slip of a provider must not bench a key for a year.
pub const MAX_MOMENT: Duration = Duration::from_mins(5);

/// No empty meter is believed for longer: the headers speak of minutes and days, of nothing longer.
pub const MAX_METER: Duration = Duration::from_hours(25);

/// How long it lasts, and the trouble with it: a meter that is empty for longer than a moment is a used-up quota. The
/// bounds are those of the module's documentation.
pub(super) fn lasting(
    then: &Then,
    said: &Said,
    kind: ProviderKind,
    headers: &HeaderMap,
    now: Timestamp,
) -> (Lasts, Trouble) {
    let trouble = then.trouble;
    let otherwise = match then.rests {
        // Nothing rests for what is wrong with one request.
        _ if then.blame == Blame::Request => return (Lasts::Moment, trouble),
        Rests::Exactly(reset) => return (reset.lasts(now), trouble),
        Rests::Stated(reset) => reset,
    };
    let stated = retry_after::from_headers(headers, now).or(said.wait);
    let empty = || if is_limit(trouble) { empty_meter(kind, headers, now) } else { None };
    let is_quota = trouble == Trouble::QuotaExhausted;
    match stated {
        Some(wait) if !is_quota => (until(now, wait.min(MAX_MOMENT)), trouble),
        // A quota that is used up and back at once is none: then the calendar knows better.
        Some(wait) if !wait.is_zero() => (until(now, wait.min(MAX_WAIT)), trouble),
        _ => match empty() {
            Some(wait) if wait > MAX_MOMENT => (until(now, wait.min(MAX_METER)), Trouble::QuotaExhausted),
            Some(wait) => (until(now, wait), trouble),
            None => (otherwise.lasts(now), trouble),
        },
    }
}

const fn is_limit(trouble: Trouble) -> bool {
    matches!(trouble, Trouble::RateLimited | Trouble::QuotaExhausted)
}

/// The latest reset among the meters that are empty: the nearest one would be too early, and a meter with something
/// left did not refuse.
fn empty_meter(kind: ProviderKind, headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let quota = quota(kind, headers, now);
    let empty = quota.meters().filter(|meter| meter.remaining == 0);
    empty.filter_map(|meter| meter.resets).max().map(|resets| resets.since(now))
}

fn until(now: Timestamp, wait: Duration) -> Lasts {
    Lasts::Until(now.plus(wait.max(MIN_REST)))
}
