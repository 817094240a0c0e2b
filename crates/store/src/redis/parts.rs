//! Parts of a cluster whose keys nobody has just now: they are on their way, or who had them is gone. Each is a matter of
//! its own: the servers go on with their other parts.

use std::collections::HashMap;
use std::time::Duration;

use foldhash::fast::RandomState;
use keyward_domain::time::Timestamp;

use super::health::Why;

/// A part that failed so often in a row is left alone.
const IN_A_ROW: u32 = 5;

/// For so long; then it is tried again.
const REST: Duration = Duration::from_secs(1);

/// A part that nobody tried for so long is no news any more.
const SHOWN: Duration = Duration::from_secs(10);

/// The parts that could not be asked when they were asked last. There are at most as many as a cluster has.
#[derive(Debug, Default)]
pub(super) struct Parts {
    troubled: HashMap<u16, Trouble, RandomState>,
}

#[derive(Debug)]
struct Trouble {
    since: Timestamp,
    why: Why,
    failed_in_a_row: u32,
    last: Duration,
}

/// Whether an error says that a part of the cluster cannot be asked, and nothing about the server that says it.
pub(super) fn is_about_a_part(error: &str) -> bool {
    ["MOVED ", "ASK ", "TRYAGAIN", "CLUSTERDOWN "].iter().any(|begin| error.starts_with(begin))
}

impl Parts {
    /// A call could not be counted there.
    pub(super) fn badly(&mut self, part: u16, why: Why, at: Timestamp, now: Duration) {
        self.troubled.retain(|_, trouble| trouble.is_news(now));
        let trouble = Trouble { since: at, why, failed_in_a_row: 0, last: now };
        let trouble = self.troubled.entry(part).or_insert(trouble);
        trouble.failed_in_a_row = trouble.failed_in_a_row.saturating_add(1);
        trouble.last = trouble.last.max(now);
    }

    /// A call was answered there.
    pub(super) fn well(&mut self, part: u16) {
        if !self.troubled.is_empty() {
            self.troubled.remove(&part);
        }
    }

    /// Whether nobody asks there.
    pub(super) fn is_resting(&self, part: u16, now: Duration) -> bool {
        self.troubled.get(&part).is_some_and(|trouble| trouble.is_enough() && now < trouble.last.saturating_add(REST))
    }

    /// Since when parts are left alone, and why.
    pub(super) fn down(&self, now: Duration) -> Option<(Timestamp, Why)> {
        let troubled = self.troubled.values().filter(|trouble| trouble.is_enough() && trouble.is_news(now));
        troubled.map(|trouble| (trouble.since, trouble.why.clone())).min_by_key(|(since, _)| *since)
    }
}

impl Trouble {
    fn is_enough(&self) -> bool {
        self.failed_in_a_row >= IN_A_ROW
    }

    fn is_news(&self, now: Duration) -> bool {
        now < self.last.saturating_add(SHOWN)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use keyward_domain::time::Timestamp;

    use super::{Parts, REST, SHOWN};
    use crate::redis::health::Why;

    const NOW: Duration = Duration::from_secs(100);

    fn at(seconds: u64) -> Timestamp {
        Timestamp::EPOCH.plus(Duration::from_secs(seconds))
    }

    #[test]
    fn f32_a_part_that_fails_again_and_again_rests_and_is_tried_now_and_then() {
        let mut parts = Parts::default();
        for second in 0..4 {
            parts.badly(7, Why::Closed, at(second), NOW);
            assert!(!parts.is_resting(7, NOW) && parts.down(NOW).is_none());
        }
        parts.badly(7, Why::Closed, at(9), NOW);
        assert!(parts.is_resting(7, NOW) && !parts.is_resting(8, NOW));
        assert_eq!(parts.down(NOW), Some((at(0), Why::Closed)), "since the first of these failures");
        let later = NOW + REST;
        assert!(!parts.is_resting(7, later));
        parts.badly(7, Why::Closed, at(10), later);
        assert!(parts.is_resting(7, later), "once more is enough");

        assert!(parts.down(later + SHOWN).is_none(), "nobody tried it for a while");
        parts.badly(7, Why::Slow, at(99), later + SHOWN);
        assert!(!parts.is_resting(7, later + SHOWN), "what was before is forgotten");
        for _ in 0..9 {
            parts.badly(7, Why::Slow, at(99), NOW);
        }
        parts.well(7);
        assert!(!parts.is_resting(7, NOW) && parts.down(NOW).is_none());
    }
}
