//! The one with the fewest calls in flight.

use super::Field;
use crate::lane::Seat;
use crate::mask::Mask;

/// Up to so many open keys all are looked at; of more, some are drawn, which is nearly as good.
const ALL_UP_TO: usize = 32;
const DRAWN: usize = 16;

pub(super) fn pick(field: &mut Field<'_>) -> Option<usize> {
    let count = field.open.count();
    if count <= ALL_UP_TO {
        let open = field.open;
        return least(field, open.iter());
    }
    let mut drawn = Mask::empty(field.lane.seats.len());
    for _ in 0..DRAWN {
        let position = field.draw.index(count);
        field.open.nth(position).into_iter().for_each(|seat| drawn.set(seat));
    }
    least(field, drawn.iter())
}

/// Calls in flight, less for a key of more weight.
pub(super) fn score(seat: &Seat) -> u64 {
    seat.load()
}

/// The least loaded; among equals, each with the same chance.
fn least(field: &mut Field<'_>, seats: impl Iterator<Item = usize>) -> Option<usize> {
    let mut best = None;
    let mut least = u64::MAX;
    let mut equals = 0;
    for index in seats {
        let Some(load) = field.seat(index).map(score) else { continue };
        equals = if load < least { 1 } else { equals + 1 };
        if load < least || (load == least && field.draw.below(equals) == 0) {
            best = Some(index);
        }
        equals = if load > least { equals - 1 } else { equals };
        least = least.min(load);
    }
    best
}
