//! One after the other, counted over the open ones only: who stands behind a resting key does not get its turns.

use super::Field;

pub(super) fn pick(field: &mut Field<'_>) -> Option<usize> {
    field.turn.checked_rem(field.open.count()).and_then(|turn| field.open.nth(turn))
}
