//! How much there was within the last minute, on the monotonic clock. Never more than the limit in any 60 s; in return
//! what was used comes back up to 6 s late.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};
use std::time::Duration;

/// Ten slots make the window; the eleventh is the one that fills.
const SLOTS: usize = 11;
const SLOT_MS: u64 = 6_000;
/// 24 bits say which six seconds, 40 bits how much.
const AMOUNT_BITS: u32 = 40;
const MOST: u64 = (1 << AMOUNT_BITS) - 1;
const EPOCH_MASK: u64 = (1 << 24) - 1;

/// Amounts of the last minute.
#[derive(Debug, Default)]
pub(crate) struct Window {
    slots: [AtomicU64; SLOTS],
}

/// How much was noted where, so that it can be corrected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Noted {
    epoch: u64,
    amount: u64,
}

impl Window {
    /// Takes an amount when the limit allows it; returns where it was noted, or nothing when it does not. An amount is
    /// an estimate: one above the limit takes all of it, so it waits for an empty window and not for ever.
    pub(crate) fn take(&self, amount: u64, limit: u64, now_ms: u64) -> Option<Noted> {
        if limit == 0 && amount > 0 {
            return None;
        }
        let noted = self.note(amount.min(limit), now_ms);
        // Noted first and looked at then: two at once may both be refused, never both be let through wrongly.
        if self.used(now_ms) > limit {
            self.correct(noted, 0);
            return None;
        }
        Some(noted)
    }

    /// Replaces an amount that was noted by what it turned out to be; one that is too old to count is left alone.
    pub(crate) fn correct(&self, noted: Noted, is: u64) {
        let Some(slot) = self.slot(noted.epoch) else { return };
        let _ = slot.fetch_update(AcqRel, Acquire, |packed| {
            let (epoch, amount) = split(packed);
            (epoch == noted.epoch).then(|| pack(epoch, amount.saturating_add(is).saturating_sub(noted.amount)))
        });
    }

    /// How much the last minute holds.
    pub(crate) fn used(&self, now_ms: u64) -> u64 {
        let now = now_ms / SLOT_MS;
        let amounts = self.slots.iter().map(|slot| split(slot.load(Relaxed)));
        amounts
            .filter(|(epoch, _)| age(now, *epoch) < SLOTS as u64)
            .fold(0, |sum, (_, amount)| sum.saturating_add(amount))
    }

    /// How long until so much has room; `None` when it never has: the limit is 0.
    pub(crate) fn room_in(&self, amount: u64, limit: u64, now_ms: u64) -> Option<Duration> {
        if limit == 0 && amount > 0 {
            return None;
        }
        let spare = limit.saturating_sub(amount);
        let now = now_ms / SLOT_MS;
        let mut used = self.used(now_ms);
        let mut at = now_ms;
        // The oldest slot first: what leaves the window, slot by slot.
        for past in (0..SLOTS as u64).rev() {
            if used <= spare {
                break;
            }
            let Some(epoch) = now.checked_sub(past) else { continue };
            let gone =
                self.slot(epoch).map(|slot| split(slot.load(Relaxed))).filter(|(held, _)| *held == epoch & EPOCH_MASK);
            used = used.saturating_sub(gone.map_or(0, |(_, amount)| amount));
            at = (epoch + SLOTS as u64) * SLOT_MS;
        }
        Some(Duration::from_millis(at.saturating_sub(now_ms)))
    }

    fn note(&self, amount: u64, now_ms: u64) -> Noted {
        let epoch = (now_ms / SLOT_MS) & EPOCH_MASK;
        if let Some(slot) = self.slot(now_ms / SLOT_MS) {
            let _ = slot.fetch_update(AcqRel, Acquire, |packed| {
                let (held, sum) = split(packed);
                Some(pack(epoch, if held == epoch { sum.saturating_add(amount) } else { amount }))
            });
        }
        Noted { epoch, amount }
    }

    fn slot(&self, epoch: u64) -> Option<&AtomicU64> {
        self.slots.get(usize::try_from((epoch & EPOCH_MASK) % SLOTS as u64).ok()?)
    }
}

fn age(now: u64, epoch: u64) -> u64 {
    (now & EPOCH_MASK).wrapping_sub(epoch) & EPOCH_MASK
}

fn split(packed: u64) -> (u64, u64) {
    (packed >> AMOUNT_BITS, packed & MOST)
}

fn pack(epoch: u64, amount: u64) -> u64 {
    (epoch << AMOUNT_BITS) | amount.min(MOST)
}
