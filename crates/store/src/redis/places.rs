//! The places of calls in flight that this node holds. They are kept at the server by a sign of life now and then: a node
//! that dies gives them up by saying nothing. Those that were taken while the server was away are told to it so, too.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use foldhash::fast::RandomState;

use super::script::{Command, Script};

/// How long the server keeps a place without a sign of life.
pub(super) const KEPT: Duration = Duration::from_mins(1);

/// How often there is one.
pub(super) const KEEP_EVERY: Duration = Duration::from_secs(15);

/// The most places in one command.
const BATCH: usize = 256;

/// Places held, by the key of their limit.
#[derive(Debug, Default)]
pub(super) struct Places {
    held: Mutex<HashMap<String, BTreeSet<u64>, RandomState>>,
}

impl Places {
    /// A call holds a place of this limit.
    pub(super) fn hold(&self, key: String, call: u64) {
        self.with(|held| held.entry(key).or_default().insert(call));
    }

    /// A call holds a place when fewer than so many do: how many do then.
    pub(super) fn hold_below(&self, key: String, call: u64, most: u64) -> Option<u64> {
        self.with(|held| {
            let calls = held.entry(key).or_default();
            let room = (calls.len() as u64) < most;
            if room {
                calls.insert(call);
            }
            room.then_some(calls.len() as u64)
        })
    }

    /// It does not any more.
    pub(super) fn release(&self, key: &str, call: u64) {
        self.with(|held| {
            let Some(calls) = held.get_mut(key) else { return };
            calls.remove(&call);
            if calls.is_empty() {
                held.remove(key);
            }
        });
    }

    /// How many calls hold a place of this limit.
    pub(super) fn count(&self, key: &str) -> u64 {
        self.with(|held| held.get(key).map_or(0, |calls| calls.len() as u64))
    }

    /// What keeps all of them.
    pub(super) fn keep(&self, place: impl Fn(u64) -> String) -> Vec<Command> {
        let kept = KEPT.as_millis().to_string();
        self.with(|held| {
            let batches = held.iter().flat_map(|(key, calls)| {
                let calls: Vec<u64> = calls.iter().copied().collect();
                calls.chunks(BATCH).map(|batch| (key.clone(), batch.to_vec())).collect::<Vec<_>>()
            });
            let command = |(key, batch): (String, Vec<u64>)| Command {
                script: Script::Keep,
                keys: vec![key],
                args: std::iter::once(kept.clone()).chain(batch.into_iter().map(&place)).collect(),
            };
            batches.map(command).collect()
        })
    }

    fn with<R>(&self, act: impl FnOnce(&mut HashMap<String, BTreeSet<u64>, RandomState>) -> R) -> R {
        act(&mut self.held.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
