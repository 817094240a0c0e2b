//! The parts of a virtual key that creation and change have in common.

use keyward_domain::port::Records;
use keyward_domain::time::Timestamp;
use keyward_domain::token::TokenId;
use keyward_domain::virtual_key::{DisconnectPolicy, KeyStatus};

use crate::error::AdminError;
use crate::field::Name;

pub(super) fn parse_policy(word: &str) -> Result<DisconnectPolicy, AdminError> {
    match word {
        "abort" => Ok(DisconnectPolicy::Abort),
        "drain" => Ok(DisconnectPolicy::Drain),
        _ => Err(AdminError::invalid_field("on_disconnect", "on_disconnect is `abort` or `drain`")),
    }
}

pub(super) fn check_life(
    not_before: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<(), AdminError> {
    if expires_at.is_some_and(|end| end <= now) {
        return Err(AdminError::invalid_field(
            "expires_at",
            "expires_at lies in the past; to end a key now, revoke it",
        ));
    }
    if expires_at.zip(not_before).is_some_and(|(end, begin)| end <= begin) {
        return Err(AdminError::invalid_field("expires_at", "expires_at has to be later than not_before"));
    }
    Ok(())
}

/// Names are unique for ever: the ledger still speaks of keys that were revoked.
pub(super) fn refuse_taken_name(records: &Records, name: &str, own: Option<TokenId>) -> Result<(), AdminError> {
    let holder = records.virtual_keys.iter().find(|key| key.name == name && Some(key.id) != own);
    let Some(holder) = holder else { return Ok(()) };
    let found = if holder.status == KeyStatus::Revoked {
        let id = holder.id;
        format!("`{name}` is the name of the virtual key `{id}`, which was revoked; its rows in the ledger keep it.")
    } else {
        format!("There already is a virtual key `{name}`.")
    };
    let such_as = free_name(records, name).map(|free| format!(", such as `{free}`")).unwrap_or_default();
    Err(AdminError::AlreadyExists(format!("{found} Choose another name{such_as}.")))
}

/// The name with a number behind it that nobody has. None when that would be no name.
fn free_name(records: &Records, name: &str) -> Option<Name> {
    // One more than there are keys: one of these is free.
    let mut candidates = (2..records.virtual_keys.len() + 3).map(|number| format!("{name}-{number}"));
    candidates.find(|free| !records.virtual_keys.iter().any(|key| key.name == *free))?.parse().ok()
}
