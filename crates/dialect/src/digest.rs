//! Hashes by which calls are matched with accounts: of conversations, cache keys, ids.
//!
//! INVARIANT: the same text has the same hash on every node, after every restart and in every release (test
//! `k07_hashes_are_the_same_everywhere`). Nodes agree on where a conversation belongs because they compute the same, not
//! because one tells the other. They are no secret and prove nothing: who makes two texts collide gets the answer of one
//! account instead of another, as by chance.

use std::hash::{BuildHasher as _, Hasher as _};

use foldhash::quality::{FixedState, FoldHasher};

/// Part of every hash; never changes.
const SEED: u64 = 0x6B65_7977_6172_6401;

const STATE: FixedState = FixedState::with_seed(SEED);

/// The hash of a text.
pub fn digest(text: &[u8]) -> u64 {
    let mut hasher = hasher();
    hasher.write(text);
    hasher.write_u64(text.len() as u64);
    hasher.finish()
}

/// The hash of several parts.
pub(crate) fn hasher() -> FoldHasher<'static> {
    STATE.build_hasher()
}
