//! Chance that repeats itself.

use std::sync::{Mutex, PoisonError};

use keyward_domain::port::{Entropy, EntropyError};

/// Bytes that depend on the seed and on how many were taken before, so that a failing test fails again. Never for
/// anything but tests.
#[derive(Debug)]
pub struct SeededEntropy {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    seed: u64,
    taken: u64,
    dry: bool,
}

impl SeededEntropy {
    /// The same seed gives the same bytes.
    pub fn new(seed: u64) -> Self {
        Self { state: Mutex::new(State { seed, taken: 0, dry: false }) }
    }

    /// From now on every request for bytes fails (or succeeds again): how a broken system source looks.
    pub fn set_dry(&self, dry: bool) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).dry = dry;
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), EntropyError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.dry {
            return Err(EntropyError);
        }
        for chunk in buffer.chunks_mut(8) {
            // splitmix64: well spread, and every state is visited once.
            state.taken += 1;
            let mut word = state.seed.wrapping_add(state.taken.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            word ^= word >> 31;
            for (slot, byte) in chunk.iter_mut().zip(word.to_le_bytes()) {
                *slot = byte;
            }
        }
        Ok(())
    }
}
