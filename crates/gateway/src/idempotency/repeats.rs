//! Calls by the names that their clients gave them. Shared by all event loops, looked into by calls with such a name only;
//! cut into parts, so that those of different cores seldom meet.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use foldhash::fast::FixedState;
use keyward_domain::call_name::{CallName, Digest, KEPT, MAX_NAMED_CALLS, NamedCall};
use keyward_domain::denial::Denial;
use keyward_domain::ids::RequestId;
use keyward_domain::port::{Store, StoreError};
use keyward_domain::time::Timestamp;

/// Parts of the map.
const PARTS: usize = 16;
/// Calls that are over and whose names a part keeps, at most; those that ended first make room.
const MAX_PER_PART: usize = MAX_NAMED_CALLS as usize / PARTS;

/// What is known of calls that must not be made twice.
#[derive(Default)]
pub(crate) struct Repeats {
    parts: [Mutex<Part>; PARTS],
}

/// Calls under way are as many as are being served, so only those that are over are counted.
#[derive(Default)]
struct Part {
    calls: HashMap<Digest, Known, FixedState>,
    /// Calls that are over and when they are forgotten, in the order in which they ended.
    over: VecDeque<(Duration, Digest)>,
}

struct Known {
    fingerprint: Digest,
    request: RequestId,
    state: State,
}

#[derive(Clone, Copy)]
enum State {
    UnderWay,
    Over {
        /// Whether it is known what became of it.
        is_settled: bool,
    },
}

impl Repeats {
    /// What earlier processes have made within the last day. Blocks.
    pub(crate) fn remembered(store: &dyn Store, wall: Timestamp, now: Duration) -> Result<Self, StoreError> {
        let repeats = Self::default();
        let known = store.named_calls(wall.minus(KEPT), MAX_NAMED_CALLS)?;
        for call in known.into_iter().rev() {
            repeats.remember(&call, now.saturating_add(KEPT.saturating_sub(wall.since(call.ended_at))));
        }
        Ok(repeats)
    }

    /// A call by this name begins, unless there is or was one.
    pub(super) fn begin(&self, call: &CallName, request: RequestId, now: Duration) -> Result<(), Denial> {
        let CallName { name, fingerprint } = *call;
        let Some(mut part) = self.part(&name) else { return Err(Denial::Internal) };
        part.forget_expired(now);
        match part.calls.get(&name) {
            Some(known) if known.fingerprint != fingerprint => Err(Denial::IdempotencyMismatch),
            Some(Known { state: State::UnderWay, .. }) => Err(Denial::IdempotencyInProgress),
            Some(Known { state: State::Over { is_settled }, request, .. }) => {
                Err(Denial::AlreadyProcessed { request: *request, is_settled: *is_settled })
            }
            None => {
                part.calls.insert(name, Known { fingerprint, request, state: State::UnderWay });
                Ok(())
            }
        }
    }

    /// The call was made: it is not to be made again.
    pub(super) fn finish(&self, name: &Digest, now: Duration) {
        let Some(mut part) = self.part(name) else { return };
        let Some(known) = part.calls.get_mut(name) else { return };
        known.state = State::Over { is_settled: true };
        part.keep(*name, now.saturating_add(KEPT));
    }

    /// Nothing came of the call: it may be tried again.
    pub(super) fn free(&self, name: &Digest) {
        if let Some(mut part) = self.part(name) {
            part.calls.remove(name);
        }
    }

    fn remember(&self, call: &NamedCall, until: Duration) {
        let NamedCall { name: CallName { name, fingerprint }, request, is_settled, .. } = *call;
        let Some(mut part) = self.part(&name) else { return };
        part.calls.insert(name, Known { fingerprint, request, state: State::Over { is_settled } });
        part.keep(name, until);
    }

    /// Digests are evenly spread, so any byte of them chooses.
    fn part(&self, name: &Digest) -> Option<MutexGuard<'_, Part>> {
        let [first, ..] = name;
        let part = self.parts.get(usize::from(*first) % PARTS)?;
        Some(part.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Part {
    fn forget_expired(&mut self, now: Duration) {
        while self.over.front().is_some_and(|(until, _)| *until <= now) {
            self.forget_oldest();
        }
    }

    /// A call is over: until then its name is kept.
    fn keep(&mut self, name: Digest, until: Duration) {
        self.over.push_back((until, name));
        if self.over.len() > MAX_PER_PART {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some((_, name)) = self.over.pop_front() {
            self.calls.remove(&name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRINT: Digest = [1; 32];

    /// The name of call `n`, all in one part.
    fn name(n: u32) -> Digest {
        let mut name = [0; 32];
        name[1..5].copy_from_slice(&n.to_be_bytes());
        name
    }

    fn begin(repeats: &Repeats, n: u32, now: Duration) -> Result<(), Denial> {
        repeats.begin(&CallName { name: name(n), fingerprint: PRINT }, RequestId::from_bits(n.into()), now)
    }

    fn processed(n: u32) -> Denial {
        Denial::AlreadyProcessed { request: RequestId::from_bits(n.into()), is_settled: true }
    }

    #[test]
    fn a_name_is_under_way_then_over_and_free_again_after_a_day() {
        let repeats = Repeats::default();
        let ended = Duration::from_secs(5);
        assert_eq!(begin(&repeats, 7, Duration::ZERO), Ok(()));
        assert_eq!(begin(&repeats, 7, ended), Err(Denial::IdempotencyInProgress));
        assert_eq!(
            repeats.begin(&CallName { name: name(7), fingerprint: [2; 32] }, RequestId::from_bits(8), ended),
            Err(Denial::IdempotencyMismatch),
            "while it is under way, too"
        );
        repeats.finish(&name(7), ended);
        let last = ended.saturating_add(KEPT).saturating_sub(Duration::from_nanos(1));
        assert_eq!(begin(&repeats, 7, last), Err(processed(7)));
        assert_eq!(begin(&repeats, 7, ended + KEPT), Ok(()));
    }

    #[test]
    fn a_name_that_nothing_came_of_is_free_at_once() {
        let repeats = Repeats::default();
        assert_eq!(begin(&repeats, 7, Duration::ZERO), Ok(()));
        repeats.free(&name(7));
        assert_eq!(begin(&repeats, 7, Duration::ZERO), Ok(()));
    }

    #[test]
    fn a_full_part_forgets_what_ended_first_and_never_what_is_under_way() {
        let repeats = Repeats::default();
        let most = u32::try_from(MAX_PER_PART).unwrap();
        assert_eq!(begin(&repeats, 0, Duration::ZERO), Ok(()));
        for n in 1..=most + 2 {
            assert_eq!(begin(&repeats, n, Duration::ZERO), Ok(()));
            repeats.finish(&name(n), Duration::from_millis(n.into()));
        }
        assert_eq!(begin(&repeats, 0, Duration::ZERO), Err(Denial::IdempotencyInProgress));
        assert_eq!((begin(&repeats, 1, Duration::ZERO), begin(&repeats, 2, Duration::ZERO)), (Ok(()), Ok(())));
        assert_eq!(begin(&repeats, 3, Duration::ZERO), Err(processed(3)), "and no more than it has to");
        assert_eq!(repeats.parts[0].lock().unwrap().over.len(), MAX_PER_PART);
    }
}
