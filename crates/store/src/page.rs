//! How much of a list one question may have.

use keyward_domain::ids::RequestId;
use keyward_domain::ledger::RequestFilter;

/// The longest page, whatever was asked for.
pub(crate) const LONGEST: u32 = 1000;

/// The length of the page that is given when `wanted` is asked for.
pub(crate) fn length(wanted: u32) -> u32 {
    wanted.min(LONGEST)
}

/// The ids that the filter's times allow: from the first, and before the second. Ids begin with the moment at which
/// their request came.
pub(crate) fn between(filter: &RequestFilter) -> (RequestId, RequestId) {
    let from = filter.since.map_or(RequestId::from_bits(0), |since| RequestId::from_parts(since, [0; 10]));
    (from, filter.before.unwrap_or(RequestId::from_bits(u128::MAX)))
}
