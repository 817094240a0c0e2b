//! Always the first usable one, in the order of the configuration.

use super::Field;

pub(super) fn pick(field: &mut Field<'_>) -> Option<usize> {
    field.lane.in_order.iter().copied().find(|seat| field.open.has(*seat))
}
