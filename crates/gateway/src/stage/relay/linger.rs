//! Whether to give the provider's connection one more turn before a piece is passed on. Under load pieces come in bursts
//! and it saves a system call each; on an event loop with nothing else to do it would only cost a turn, so there it is
//! kept up only while it brings something.

use std::time::Duration;

use tokio::time::Instant;

/// A turn that took longer had other work in it: the loop is busy, and waiting costs nothing.
const BUSY_TURN: Duration = Duration::from_micros(40);
/// After so many tries in a row that brought nothing, pieces are passed on at once.
const MISSES: u8 = 4;
/// After so many pieces that were passed on at once, it is tried again.
const TRY_EVERY: u8 = 16;

/// What became of the last tries.
#[derive(Default)]
pub(super) struct Linger {
    /// Since when the connection has its turn.
    waiting: Option<Instant>,
    /// Something came while it had.
    gained: bool,
    /// Tries in a row that brought nothing.
    misses: u8,
    /// Pieces passed on at once since the last try.
    passed: u8,
}

impl Linger {
    /// A piece came.
    pub(super) const fn heard(&mut self) {
        self.gained |= self.waiting.is_some();
        self.waiting = None;
    }

    /// Asked with a piece in hand and nothing behind it: whether to wait for one more turn. Never twice for one piece.
    pub(super) fn is_worth_it(&mut self, now: Instant) -> bool {
        if let Some(since) = self.waiting.take() {
            let was_worth_it = self.gained || now.duration_since(since) > BUSY_TURN;
            self.misses = if was_worth_it { 0 } else { self.misses.saturating_add(1) };
            self.gained = false;
            return false;
        }
        let wait = self.misses < MISSES || self.passed >= TRY_EVERY;
        self.passed = if wait { 0 } else { self.passed + 1 };
        self.waiting = wait.then_some(now);
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bursts_are_waited_for_and_single_pieces_are_not() {
        let now = Instant::now();
        let mut linger = Linger::default();
        for _ in 0..3 {
            linger.heard();
            assert!(linger.is_worth_it(now), "a burst may go on");
            linger.heard();
            assert!(linger.is_worth_it(now));
            assert!(!linger.is_worth_it(now), "its end is passed on");
        }
        for _ in 0..4 {
            linger.heard();
            assert!(linger.is_worth_it(now));
            assert!(!linger.is_worth_it(now), "this one was alone");
        }
        for _ in 0..16 {
            linger.heard();
            assert!(!linger.is_worth_it(now), "so the next ones are passed on at once");
        }
        linger.heard();
        assert!(linger.is_worth_it(now), "until it is tried again");
    }

    #[test]
    fn a_busy_loop_is_always_waited_for() {
        let mut now = Instant::now();
        let mut linger = Linger::default();
        for _ in 0..20 {
            linger.heard();
            assert!(linger.is_worth_it(now));
            now += BUSY_TURN * 2;
            assert!(!linger.is_worth_it(now));
        }
    }
}
