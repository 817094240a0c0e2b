use keyward_domain::port::Records;
use keyward_domain::tenancy::Tenant;
use keyward_domain::virtual_key::KeyStatus;
use serde::Serialize;
use utoipa::ToSchema;

use crate::field::Moment;
use crate::operation::grant::{network_texts, operation_words};

/// A tenant as the control plane shows it.
#[derive(Debug, Serialize, ToSchema)]
pub struct TenantView {
    /// Its id.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Whether its keys are accepted.
    pub enabled: bool,
    /// Models anybody in it may use; empty for all.
    pub models: Vec<String>,
    /// Operations anybody in it may use; empty for all.
    pub operations: Vec<&'static str>,
    /// Networks that calls may come from; empty for all.
    pub addresses: Vec<String>,
    /// Its teams.
    pub teams: usize,
    /// Its users.
    pub users: usize,
    /// Its virtual keys that are not revoked.
    pub virtual_keys: usize,
    /// When it was created.
    pub created_at: Moment,
    /// Grows by one with every change; send it back as `If-Match`.
    pub revision: u64,
}

impl TenantView {
    /// The view.
    pub fn of(tenant: &Tenant, records: &Records) -> Self {
        let keys = records.virtual_keys.iter().filter(|key| key.status != KeyStatus::Revoked);
        Self {
            id: tenant.id.to_string(),
            name: tenant.name.clone(),
            enabled: tenant.enabled,
            models: tenant.grant.models.clone(),
            operations: operation_words(&tenant.grant),
            addresses: network_texts(&tenant.grant),
            teams: records.teams.iter().filter(|team| team.tenant == tenant.id).count(),
            users: records.users.iter().filter(|user| user.tenant == tenant.id).count(),
            virtual_keys: keys.filter(|key| key.tenant == tenant.id).count(),
            created_at: Moment(tenant.created_at),
            revision: tenant.revision,
        }
    }
}
