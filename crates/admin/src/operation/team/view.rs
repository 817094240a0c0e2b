use keyward_domain::ancestry::Ancestry;
use keyward_domain::port::Records;
use keyward_domain::tenancy::Team;
use keyward_domain::virtual_key::KeyStatus;
use serde::Serialize;
use utoipa::ToSchema;

use crate::control::Control;
use crate::field::Moment;
use crate::operation::grant::{network_texts, operation_words};

/// A team as the control plane shows it.
#[derive(Debug, Serialize, ToSchema)]
pub struct TeamView {
    /// Its id.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// The name of the tenant it belongs to.
    pub tenant: String,
    /// Whether its keys are accepted.
    pub enabled: bool,
    /// Models its members may use; empty for all that its tenant may use.
    pub models: Vec<String>,
    /// Operations its members may use; empty for all that its tenant may use.
    pub operations: Vec<&'static str>,
    /// Networks that calls may come from; empty for all that its tenant may use.
    pub addresses: Vec<String>,
    /// Users in it.
    pub users: usize,
    /// Virtual keys of it or of its users that are not revoked.
    pub virtual_keys: usize,
    /// When it was created.
    pub created_at: Moment,
    /// Grows by one with every change; send it back as `If-Match`.
    pub revision: u64,
}

impl TeamView {
    /// The view.
    pub fn of(team: &Team, records: &Records) -> Self {
        let keys = records.virtual_keys.iter().filter(|key| key.status != KeyStatus::Revoked);
        let ancestry = Ancestry::of(records);
        Self {
            id: team.id.to_string(),
            name: team.name.clone(),
            tenant: Control::tenant_name(records, team.tenant),
            enabled: team.enabled,
            models: team.grant.models.clone(),
            operations: operation_words(&team.grant),
            addresses: network_texts(&team.grant),
            users: records.users.iter().filter(|user| user.team == Some(team.id)).count(),
            virtual_keys: keys.filter(|key| ancestry.team_of(key) == Some(team.id)).count(),
            created_at: Moment(team.created_at),
            revision: team.revision,
        }
    }
}
