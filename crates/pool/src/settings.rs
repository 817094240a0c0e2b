//! What can be set about pools, with the values that hold unless somebody sets others.

use std::time::Duration;

/// Keys that one pool chooses among, at most; those beyond are left out and shown as such.
pub const MAX_MEMBERS: usize = 2048;

/// How pools judge trouble. The defaults: five in a row or half
/// of twenty in thirty seconds, one second that doubles up to a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Failures in a row that open a circuit.
    pub trip_in_a_row: u32,
    /// Calls in the window from which on their share of failures counts.
    pub trip_calls: u32,
    /// Share of failures in the window that opens a circuit, in percent.
    pub trip_percent: u32,
    /// How long a circuit is open the first time.
    pub open_first: Duration,
    /// How long a circuit is open at most, before jitter.
    pub open_most: Duration,
    /// How long a key that is back takes to reach its full share.
    pub ramp: Duration,
    /// Share of a pool's accounts that may rest for a moment's trouble, in percent; when more would, none does.
    pub panic_percent: u32,
    /// How long a canary may take before another one is sent.
    pub canary_within: Duration,
    /// How long a key is not asked for a model that it does not have.
    pub model_rest: Duration,
    /// What a failure counts as at least, where the time to the first content is averaged.
    pub failure_counts_as: Duration,
    /// Headroom below which affinity yields, in thousandths of a limit.
    pub low_room: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            trip_in_a_row: 5,
            trip_calls: 20,
            trip_percent: 50,
            open_first: Duration::from_secs(1),
            open_most: Duration::from_mins(1),
            ramp: Duration::from_secs(20),
            panic_percent: 50,
            canary_within: Duration::from_mins(1),
            model_rest: Duration::from_hours(1),
            failure_counts_as: Duration::from_secs(5),
            low_room: 50,
        }
    }
}
