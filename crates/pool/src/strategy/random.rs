//! By chance, all alike.

use super::Field;

pub(super) fn pick(field: &mut Field<'_>) -> Option<usize> {
    let count = field.open.count();
    field.open.nth(field.draw.index(count))
}
