//! Whether a server has lost its counters: then their epoch has changed. For one period after that each node holds back
//! to its share besides, because what was counted before is not known any more.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use foldhash::fast::RandomState;

/// The most tags whose epoch is remembered; beyond that a lost counter of others goes unnoticed.
const MAX_TAGS: usize = 65_536;

/// The epochs of all tags that were asked for.
#[derive(Debug, Default)]
pub(super) struct Epochs {
    by_tag: Mutex<HashMap<String, Epoch, RandomState>>,
}

#[derive(Debug)]
struct Epoch {
    text: String,
    changed_at: Option<Duration>,
}

impl Epochs {
    /// What the server says now: whether it has changed.
    pub(super) fn see(&self, tag: String, text: String, now: Duration) -> bool {
        self.with(|epochs| match epochs.get_mut(&tag) {
            Some(epoch) if epoch.text == text => false,
            Some(epoch) => {
                *epoch = Epoch { text, changed_at: Some(now) };
                true
            }
            None => {
                if epochs.len() < MAX_TAGS {
                    epochs.insert(tag, Epoch { text, changed_at: None });
                }
                false
            }
        })
    }

    /// Whether counters of this tag were lost within the last period.
    pub(super) fn is_damped(&self, tag: &str, period: Duration, now: Duration) -> bool {
        let changed_at = self.with(|epochs| epochs.get(tag).and_then(|epoch| epoch.changed_at));
        changed_at.is_some_and(|at| now < at.saturating_add(period))
    }

    fn with<R>(&self, act: impl FnOnce(&mut HashMap<String, Epoch, RandomState>) -> R) -> R {
        act(&mut self.by_tag.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
