//! What a provider says is left of its limits, meter by meter, and what follows for the next call.

use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};
use std::sync::atomic::{AtomicI64, AtomicU64};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use keyward_domain::judgement::MAX_REST;
use keyward_domain::quota::{MAX_METERS, Meter, Metered};
use keyward_domain::time::Timestamp;

use crate::moment::{Moment, wall_millis};

/// How long a meter that names neither a reset nor a window is believed.
const BELIEVED_FOR: Duration = Duration::from_mins(1);
/// A meter without a stated limit counts as full from this many calls' worth on.
const AMPLE_CALLS: i64 = 20;
/// A meter that is full again within this many milliseconds fills bit by bit (a bucket of tokens, a sliding window); one
/// that takes longer, like a day's, jumps.
const REFILLS_WITHIN_MS: i64 = 300_000;
/// Some meters of a minute jump all the same, and nobody says which: this part of what would have come back is believed.
const BELIEVED_PART: i64 = 2;

/// Headroom in thousandths of a limit.
pub(crate) const FULL_ROOM: u32 = 1000;

/// The meters of an account, or of an account for one model.
#[derive(Debug, Default)]
pub(crate) struct Meters {
    slots: [Slot; MAX_METERS],
    /// Whether any was ever seen: most accounts of most providers have none.
    seen: AtomicU64,
    /// Calls that were taken since then, and their tokens; what was given back is not among them.
    calls: AtomicU64,
    input: AtomicU64,
    output: AtomicU64,
    /// Held while a slot is taken up, so that no meter gets two.
    taking_up: Mutex<()>,
}

/// One meter.
#[derive(Debug, Default)]
struct Slot {
    /// What it counts and over which window; 0 for a free slot.
    tag: AtomicU64,
    remaining: AtomicI64,
    /// How much fits; -1 when unknown.
    limit: AtomicI64,
    /// Wall time in milliseconds at which it is full again.
    resets: AtomicI64,
    /// Wall time in milliseconds at which it was noted.
    noted: AtomicI64,
}

/// Calls and their tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Amount {
    calls: u64,
    input: u64,
    output: u64,
}

/// What a call would take, in tokens; and one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Need {
    pub(crate) input: u64,
    pub(crate) output: u64,
}

/// What is left of one meter, for views.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Left {
    pub(crate) counts: Metered,
    pub(crate) window: Option<Duration>,
    pub(crate) limit: Option<u64>,
    pub(crate) remaining: u64,
    pub(crate) resets: Timestamp,
}

impl Amount {
    const fn of_one(need: Need) -> Self {
        Self { calls: 1, input: need.input, output: need.output }
    }

    /// What came on top of an earlier amount.
    fn since(self, then: Self) -> Self {
        // A call that was taken before that one may have been given back after it.
        let grown = |now: u64, then: u64| u64::try_from(now.wrapping_sub(then).cast_signed()).unwrap_or(0);
        Self {
            calls: grown(self.calls, then.calls),
            input: grown(self.input, then.input),
            output: grown(self.output, then.output),
        }
    }
}

impl Meters {
    /// An answer said what is left. Providers say it as of when they let the call in, `taken` in all: what was taken
    /// since then is gone as well. So the order in which answers come does not matter.
    pub(crate) fn learn<'a>(&self, meters: impl Iterator<Item = &'a Meter>, taken: Amount, now: Moment) {
        let since = self.taken().since(taken);
        for meter in meters {
            let tag = tag(meter);
            if let Some(slot) = self.slot(tag).or_else(|| self.take_up(tag, now)) {
                slot.write(meter, cost(tag, since), now);
                self.seen.store(1, Relaxed);
            }
        }
    }

    /// The least that is left of any meter after a call like this, in thousandths; `None` when some meter does not have
    /// enough for it.
    pub(crate) fn room(&self, need: Need, now: Moment) -> Option<u32> {
        if self.seen.load(Relaxed) == 0 {
            return Some(FULL_ROOM);
        }
        self.slots.iter().try_fold(FULL_ROOM, |least, slot| Some(least.min(slot.room(need, now)?)))
    }

    /// A call is on its way: what it takes is gone until an answer says better. Returns what was taken in all.
    pub(crate) fn take(&self, need: Need) -> Amount {
        if self.seen.load(Relaxed) == 0 {
            return Amount::default();
        }
        self.add(need, -1);
        let Need { input, output } = need;
        Amount {
            calls: self.calls.fetch_add(1, Relaxed).wrapping_add(1),
            input: self.input.fetch_add(input, Relaxed).wrapping_add(input),
            output: self.output.fetch_add(output, Relaxed).wrapping_add(output),
        }
    }

    /// A call was never sent: what it took is there again. `taken` is what taking it returned.
    pub(crate) fn give_back(&self, need: Need, taken: Amount) {
        // Nothing was counted for a call that came before the first meter.
        if taken == Amount::default() {
            return;
        }
        self.add(need, 1);
        self.calls.fetch_sub(1, Relaxed);
        self.input.fetch_sub(need.input, Relaxed);
        self.output.fetch_sub(need.output, Relaxed);
    }

    /// When all meters have room again for such a call, as far as one of them does not have it now.
    pub(crate) fn back(&self, need: Need, now: Moment) -> Option<Timestamp> {
        let short = self.slots.iter().filter(|slot| slot.room(need, now).is_none());
        short.map(|slot| Timestamp::from_unix_millis(slot.resets.load(Relaxed))).max()
    }

    /// Every meter that still counts, for views.
    pub(crate) fn left(&self, now: Moment) -> Vec<Left> {
        self.slots.iter().filter_map(|slot| slot.left(now)).collect()
    }

    fn taken(&self) -> Amount {
        Amount { calls: self.calls.load(Relaxed), input: self.input.load(Relaxed), output: self.output.load(Relaxed) }
    }

    fn slot(&self, tag: u64) -> Option<&Slot> {
        self.slots.iter().find(|slot| slot.tag.load(Acquire) == tag)
    }

    /// A slot for a meter that has none yet.
    fn take_up(&self, tag: u64, now: Moment) -> Option<&Slot> {
        let _taking_up = self.taking_up.lock().unwrap_or_else(PoisonError::into_inner);
        self.slot(tag).or_else(|| self.slots.iter().find(|slot| slot.become_one(tag, now)))
    }

    fn add(&self, need: Need, sign: i64) {
        for slot in &self.slots {
            let tag = slot.tag.load(Acquire);
            if tag != 0 {
                slot.remaining.fetch_add(sign * cost(tag, Amount::of_one(need)), Relaxed);
            }
        }
    }
}

impl Slot {
    /// Takes up a meter with this tag, if it holds none that still counts.
    fn become_one(&self, tag: u64, now: Moment) -> bool {
        let held = self.tag.load(Acquire);
        (held == 0 || self.is_full(now)) && self.tag.compare_exchange(held, tag, AcqRel, Acquire).is_ok()
    }

    /// What a meter says, less what was taken that it does not know of.
    fn write(&self, meter: &Meter, taken: i64, now: Moment) {
        let resets = meter.resets.unwrap_or_else(|| now.wall.plus(meter.window.unwrap_or(BELIEVED_FOR)));
        self.limit.store(meter.limit.and_then(|limit| i64::try_from(limit).ok()).unwrap_or(-1), Relaxed);
        self.resets.store(resets.unix_millis(), Relaxed);
        self.noted.store(now.wall_ms(), Relaxed);
        let remaining = i64::try_from(meter.remaining).unwrap_or(i64::MAX);
        self.remaining.store(remaining.saturating_sub(taken), Relaxed);
    }

    fn room(&self, need: Need, now: Moment) -> Option<u32> {
        let tag = self.tag.load(Acquire);
        if tag == 0 || self.is_full(now) {
            return Some(FULL_ROOM);
        }
        let cost = cost(tag, Amount::of_one(need));
        let left = self.remaining.load(Relaxed).saturating_add(self.refilled(now)).saturating_sub(cost);
        if left < 0 {
            return None;
        }
        let whole = match self.limit.load(Relaxed) {
            limit if limit > 0 => limit,
            _ => cost.max(1).saturating_mul(AMPLE_CALLS),
        };
        Some(u32::try_from(left.saturating_mul(1000) / whole).unwrap_or(FULL_ROOM).min(FULL_ROOM))
    }

    /// What may be taken to have come back since it was noted: without that, whoever is short is not asked, and who is
    /// not asked does not say that it has room again.
    fn refilled(&self, now: Moment) -> i64 {
        let noted = self.noted.load(Relaxed);
        let whole = self.resets.load(Relaxed).saturating_sub(noted);
        let elapsed = now.wall_ms().saturating_sub(noted).min(whole);
        if whole > REFILLS_WITHIN_MS || elapsed <= 0 {
            return 0;
        }
        let missing = self.limit.load(Relaxed).saturating_sub(self.remaining.load(Relaxed)).max(0);
        missing.saturating_mul(elapsed) / whole / BELIEVED_PART
    }

    /// Whether its reset has passed. One that is further away than any is from when the clock was ahead.
    fn is_full(&self, now: Moment) -> bool {
        let left = self.resets.load(Relaxed).saturating_sub(now.wall_ms());
        left <= 0 || left > wall_millis(MAX_REST)
    }

    fn left(&self, now: Moment) -> Option<Left> {
        let tag = self.tag.load(Acquire);
        let resets = self.resets.load(Relaxed);
        (tag != 0 && !self.is_full(now)).then(|| Left {
            counts: counted(tag),
            window: Some(Duration::from_secs(tag >> 8)).filter(|window| !window.is_zero()),
            limit: u64::try_from(self.limit.load(Relaxed)).ok(),
            remaining: u64::try_from(self.remaining.load(Relaxed)).unwrap_or(0),
            resets: Timestamp::from_unix_millis(resets),
        })
    }
}

/// What a meter counts, in the low byte, and its window in seconds above.
fn tag(meter: &Meter) -> u64 {
    let counts = match meter.counts {
        Metered::Requests => 1,
        Metered::Tokens => 2,
        Metered::InputTokens => 3,
        Metered::OutputTokens => 4,
    };
    let window = meter.window.map_or(0, |window| window.as_secs());
    (window << 8) | counts
}

fn counted(tag: u64) -> Metered {
    match tag & 0xFF {
        1 => Metered::Requests,
        3 => Metered::InputTokens,
        4 => Metered::OutputTokens,
        _ => Metered::Tokens,
    }
}

/// What an amount comes to in the meter with this tag.
fn cost(tag: u64, amount: Amount) -> i64 {
    let counted = match counted(tag) {
        Metered::Requests => amount.calls,
        Metered::Tokens => amount.input.saturating_add(amount.output),
        Metered::InputTokens => amount.input,
        Metered::OutputTokens => amount.output,
    };
    i64::try_from(counted).unwrap_or(i64::MAX / 2)
}
