//! The cheapest that serves the model. Keys of one provider have one list price; what differs is what their calls
//! really cost: free allowances, discounts, and prefixes that an account has cached. So a conversation stays where its
//! prefix is, and else the key wins whose tokens cost less of late.

use super::{Field, adaptive, two_choices};
use crate::lane::Seat;

pub(super) fn pick(field: &mut Field<'_>) -> Option<usize> {
    adaptive::home(field).or_else(|| two_choices::pick(field, score))
}

/// Pico-dollars per token; a key that was never paid for counts as cheapest, so that its price gets known.
pub(super) fn score(field: &Field<'_>, seat: &Seat) -> u64 {
    u64::from(seat.on_model.price(field.now).unwrap_or(0))
}
