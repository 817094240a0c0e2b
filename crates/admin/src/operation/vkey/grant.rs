//! The parts of a virtual key that creation and change have in common.

use keyward_domain::ids::TenantId;
use keyward_domain::port::Records;
use keyward_domain::time::Timestamp;
use keyward_domain::token::TokenId;
use keyward_domain::virtual_key::{Claims, DisconnectPolicy, Grant, KeyStatus, Priority, VirtualKey};

use crate::control::{Control, Owner};
use crate::error::AdminError;
use crate::field::{ClaimableTags, Name};

/// What a change says about the claims of a key; what is left out stays.
pub(super) struct ClaimsEdit {
    pub(super) end_users: Option<bool>,
    pub(super) tags: Option<ClaimableTags>,
    pub(super) priority: Option<Priority>,
}

impl ClaimsEdit {
    pub(super) fn applied_to(self, before: Claims) -> Claims {
        Claims {
            end_user: self.end_users.unwrap_or(before.end_user),
            tags: self.tags.map_or(before.tags, |tags| tags.0),
            priority: self.priority.unwrap_or(before.priority),
        }
    }
}

/// Refuses a grant that is wider than the tenant, the team or the user of the key. A user's team counts when the key
/// names none.
pub(super) fn refuse_wider_key(
    control: &Control,
    records: &Records,
    grant: &Grant,
    owner: Owner,
) -> Result<(), AdminError> {
    let users_team = || records.users.iter().find(|user| Some(user.id) == owner.user)?.team;
    let team = owner.team.or_else(users_team);
    control.keep_in_realm(team)?;
    Control::refuse_wider(records, grant, (owner.tenant, team, owner.user))
}

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

/// Names are unique in their tenant, for ever: the ledger still speaks of keys that were revoked.
pub(super) fn refuse_taken_name(
    records: &Records,
    (tenant, name): (TenantId, &str),
    own: Option<TokenId>,
) -> Result<(), AdminError> {
    let holds = |key: &&VirtualKey| key.tenant == tenant && key.name == name && Some(key.id) != own;
    let holder = records.virtual_keys.iter().find(holds);
    let Some(holder) = holder else { return Ok(()) };
    let found = if holder.status == KeyStatus::Revoked {
        let id = holder.id;
        format!("`{name}` is the name of the virtual key `{id}`, which was revoked; its rows in the ledger keep it.")
    } else {
        format!("There already is a virtual key `{name}`.")
    };
    let such_as = free_name(records, (tenant, name)).map(|free| format!(", such as `{free}`")).unwrap_or_default();
    Err(AdminError::AlreadyExists(format!("{found} Choose another name{such_as}.")))
}

/// The name with a number behind it that nobody has. None when that would be no name.
fn free_name(records: &Records, (tenant, name): (TenantId, &str)) -> Option<Name> {
    // One more than there are keys: one of these is free.
    let mut candidates = (2..records.virtual_keys.len() + 3).map(|number| format!("{name}-{number}"));
    let is_free = |free: &String| !records.virtual_keys.iter().any(|key| key.tenant == tenant && key.name == *free);
    candidates.find(is_free)?.parse().ok()
}
