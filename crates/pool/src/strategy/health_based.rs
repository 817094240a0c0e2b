//! The one of two that failed less of late.

use super::{Field, two_choices};
use crate::lane::Seat;

pub(super) fn pick(field: &mut Field<'_>) -> Option<usize> {
    two_choices::pick(field, score)
}

/// Late failures in thousandths.
pub(super) fn score(field: &Field<'_>, seat: &Seat) -> u64 {
    u64::from(seat.key.record.failing(field.now))
}
