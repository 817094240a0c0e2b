use keyward_domain::port::Records;
use keyward_domain::tenancy::User;
use keyward_domain::virtual_key::KeyStatus;
use serde::Serialize;
use utoipa::ToSchema;

use crate::control::Control;
use crate::field::Moment;
use crate::operation::grant::{network_texts, operation_words};

/// A user as the control plane shows it.
#[derive(Debug, Serialize, ToSchema)]
pub struct UserView {
    /// Their id.
    pub id: String,
    /// What people call them.
    pub name: String,
    /// The name of the tenant they belong to.
    pub tenant: String,
    /// The name of the team they are in.
    pub team: Option<String>,
    /// Whether their keys are accepted.
    pub enabled: bool,
    /// Models their keys may use; empty for all that what is above them may use.
    pub models: Vec<String>,
    /// Operations their keys may use; empty for all that what is above them may use.
    pub operations: Vec<&'static str>,
    /// Networks that calls may come from; empty for all that what is above them may use.
    pub addresses: Vec<String>,
    /// Their virtual keys that are not revoked.
    pub virtual_keys: usize,
    /// When they were created.
    pub created_at: Moment,
    /// Grows by one with every change; send it back as `If-Match`.
    pub revision: u64,
}

impl UserView {
    /// The view.
    pub fn of(user: &User, records: &Records) -> Self {
        let keys = records.virtual_keys.iter().filter(|key| key.status != KeyStatus::Revoked);
        let team = user.team.and_then(|id| records.teams.iter().find(|team| team.id == id));
        Self {
            id: user.id.to_string(),
            name: user.name.clone(),
            tenant: Control::tenant_name(records, user.tenant),
            team: team.map(|team| team.name.clone()),
            enabled: user.enabled,
            models: user.grant.models.clone(),
            operations: operation_words(&user.grant),
            addresses: network_texts(&user.grant),
            virtual_keys: keys.filter(|key| key.user == Some(user.id)).count(),
            created_at: Moment(user.created_at),
            revision: user.revision,
        }
    }
}
