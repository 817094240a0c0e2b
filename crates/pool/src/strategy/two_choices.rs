//! The better of two drawn by weight: close to the best of all, at the price of two looks, and without everybody
//! running to the same one at once. Equal scores leave the first, so that equal keys share by weight.

use super::Field;
use crate::lane::Seat;

pub(super) fn pick(field: &mut Field<'_>, score: impl Fn(&Field<'_>, &Seat) -> u64) -> Option<usize> {
    let first = field.tier.draw(&field.open, field.draw)?;
    field.open.clear(first);
    let second = field.tier.draw(&field.open, field.draw);
    field.open.set(first);
    let Some(second) = second else { return Some(first) };
    let (Some(one), Some(other)) = (field.seat(first), field.seat(second)) else { return Some(first) };
    Some(if score(field, other) < score(field, one) { second } else { first })
}
