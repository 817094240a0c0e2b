use keyward_domain::port::Records;
use keyward_domain::principal::AdminToken;
use keyward_domain::time::Timestamp;
use keyward_domain::virtual_key::KeyStatus;
use serde::Serialize;
use utoipa::ToSchema;

use crate::control::Control;
use crate::error::role_word;
use crate::field::{Moment, ShownSecret};

/// An admin token as the control plane shows it: never the token itself.
#[derive(Debug, Serialize, ToSchema)]
pub struct AdminTokenView {
    /// Its id.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// What it may do: `viewer`, `operator`, `owner`.
    pub role: &'static str,
    /// The name of the tenant that it is confined to; `null` when it is for the whole installation.
    pub tenant: Option<String>,
    /// The name of the team that it is confined to.
    pub team: Option<String>,
    /// Whether it is accepted now: `active`, `expired`, `disabled`, `revoked`.
    pub state: &'static str,
    /// When it was created.
    pub created_at: Moment,
    /// From when it is refused.
    pub expires_at: Option<Moment>,
    /// Grows by one with every change.
    pub revision: u64,
}

/// An admin token in the clear, which is shown this once and cannot be had again.
#[derive(Debug, Serialize, ToSchema)]
pub struct IssuedAdminToken {
    /// The token: send it as `Authorization: Bearer`.
    #[schema(value_type = String)]
    pub token: ShownSecret,
    /// What it is.
    pub admin_token: AdminTokenView,
}

impl AdminTokenView {
    /// The view at this moment.
    pub fn of(token: &AdminToken, records: &Records, now: Timestamp) -> Self {
        let team = token.realm.team().and_then(|id| records.teams.iter().find(|team| team.id == id));
        Self {
            id: token.id.to_string(),
            name: token.name.clone(),
            role: role_word(token.role),
            tenant: token.realm.tenant().map(|id| Control::tenant_name(records, id)),
            team: team.map(|team| team.name.clone()),
            state: match token.status {
                KeyStatus::Active if token.expires_at.is_some_and(|end| now >= end) => "expired",
                KeyStatus::Active => "active",
                KeyStatus::Disabled => "disabled",
                KeyStatus::Revoked => "revoked",
            },
            created_at: Moment(token.created_at),
            expires_at: token.expires_at.map(Moment),
            revision: token.revision,
        }
    }
}
