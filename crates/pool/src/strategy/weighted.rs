//! By chance, in proportion to the weights.

use super::Field;

pub(super) fn pick(field: &mut Field<'_>) -> Option<usize> {
    field.tier.draw(&field.open, field.draw)
}
