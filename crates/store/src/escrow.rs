//! What a chunk may hold, the same for every store.

use keyward_domain::escrow::{Ask, Chunk};
use keyward_domain::money::Nanodollars;
use keyward_domain::port::EscrowError;

/// What of the limit is neither spent nor set aside; below zero where more is.
pub(crate) fn free(limit: Nanodollars, posted: Nanodollars, chunks: &[Chunk]) -> Nanodollars {
    let set_aside = chunks.iter().map(|chunk| i128::from(chunk.left().0)).sum::<i128>();
    let free = i128::from(limit.0) - i128::from(posted.0) - set_aside;
    Nanodollars(i64::try_from(free).unwrap_or(if free < 0 { i64::MIN } else { i64::MAX }))
}

/// How much a new chunk gets.
pub(crate) fn first(ask: &Ask, free: Nanodollars) -> Result<Nanodollars, EscrowError> {
    let granted = ask.wanted.max(ask.least).min(free);
    if granted < ask.least || granted <= Nanodollars::ZERO { Err(EscrowError::NoRoom(free)) } else { Ok(granted) }
}

/// The chunk after its renewal; `chunks` are all that are set aside, this one among them as it was.
pub(crate) fn renewed(chunk: &Chunk, used: Nanodollars, ask: &Ask, posted: Nanodollars, chunks: &[Chunk]) -> Chunk {
    let mut next = Chunk { used: chunk.used.max(used), ..chunk.clone() };
    // What turned from left into used was in both until now, so it is not missing here.
    let own = chunk.left() - next.left();
    let free = free(ask.limit, posted, chunks) + own;
    let missing = (ask.wanted.max(ask.least) - next.left()).max(Nanodollars::ZERO);
    next.amount = next.amount + missing.min(free.max(Nanodollars::ZERO));
    next.expires_at = next.expires_at.max(ask.expires_at);
    next
}
