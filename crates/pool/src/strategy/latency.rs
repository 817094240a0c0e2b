//! The better of two drawn by chance: peak average of the time to the first content, times load.

use super::{Field, two_choices};
use crate::lane::Seat;

pub(super) fn pick(field: &mut Field<'_>) -> Option<usize> {
    two_choices::pick(field, score)
}

/// Microseconds times load. Keys are drawn by weight already, so weight only says how much load a call adds.
pub(super) fn score(field: &Field<'_>, seat: &Seat) -> u64 {
    let micros = seat.on_model.peak.read(field.typical, field.now.monotonic_ms());
    u64::from(micros).saturating_mul(seat.load()) / 1000
}
