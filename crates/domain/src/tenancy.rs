//! Who an installation is divided among. A tenant is the hard isolation boundary; teams and users divide a tenant, and
//! what they may do is never more than what is above them may do: every level is asked at every call.

use serde::{Deserialize, Serialize};

use crate::ids::{TeamId, TenantId, UserId};
use crate::time::Timestamp;
use crate::virtual_key::Grant;

/// A tenant. The one that every installation has ([`TenantId::DEFAULT`]) has no record until somebody changes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    /// Its id.
    pub id: TenantId,
    /// What people call it; unique.
    pub name: String,
    /// Whether its keys are accepted.
    pub enabled: bool,
    /// What anybody in it may do at most.
    pub grant: Grant,
    /// When it was created.
    pub created_at: Timestamp,
    /// Grows by one with every change.
    pub revision: u64,
}

/// What the default tenant is called until somebody calls it something else.
pub const DEFAULT_TENANT: &str = "default";

impl Tenant {
    /// The tenant that every installation has, as it is before anybody changes it.
    pub fn default_at(created_at: Timestamp) -> Self {
        let (id, name) = (TenantId::DEFAULT, DEFAULT_TENANT.to_owned());
        Self { id, name, enabled: true, grant: Grant::default(), created_at, revision: 0 }
    }
}

/// A team of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Team {
    /// Its id.
    pub id: TeamId,
    /// Whose it is.
    pub tenant: TenantId,
    /// What people call it; unique within the tenant.
    pub name: String,
    /// Whether its keys are accepted.
    pub enabled: bool,
    /// What its members may do at most.
    pub grant: Grant,
    /// When it was created.
    pub created_at: Timestamp,
    /// Grows by one with every change.
    pub revision: u64,
}

/// A user of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Their id.
    pub id: UserId,
    /// Whose they are.
    pub tenant: TenantId,
    /// Their team, if they are in one.
    pub team: Option<TeamId>,
    /// What people call them; unique within the tenant.
    pub name: String,
    /// Whether their keys are accepted.
    pub enabled: bool,
    /// What their keys may do at most.
    pub grant: Grant,
    /// When they were created.
    pub created_at: Timestamp,
    /// Grows by one with every change.
    pub revision: u64,
}
