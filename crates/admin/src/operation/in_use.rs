//! Whatever something still belongs to is not taken away: what belongs to it, and what to do.

use crate::error::AdminError;

/// Refuses to delete what still has any of these.
pub(super) fn still_has(noun: &str, name: &str, kinds: &[(&str, usize)]) -> Result<(), AdminError> {
    let counted = |(kind, count): &(&str, usize)| match *count {
        0 => None,
        1 => Some(format!("1 {kind}")),
        more if *kind == "alias" => Some(format!("{more} aliases")),
        more => Some(format!("{more} {kind}s")),
    };
    let left: Vec<_> = kinds.iter().filter_map(counted).collect();
    if left.is_empty() {
        return Ok(());
    }
    let has_keys = kinds.iter().any(|(kind, count)| *kind == "virtual key" && *count > 0);
    let what_to_do = if has_keys {
        // Rows of the ledger speak of virtual keys for ever, revoked or not.
        format!(
            "Virtual keys are kept for the ledger: switch the {noun} off instead with `keyward {noun} update {name} --enabled false`."
        )
    } else {
        format!("Remove them first, or switch the {noun} off with `keyward {noun} update {name} --enabled false`.")
    };
    Err(AdminError::InUse(format!("The {noun} `{name}` still has {}. {what_to_do}", left.join(", "))))
}
