//! Who asks something of the control plane, and the one rule that decides.

use serde::{Deserialize, Serialize};

use crate::ids::{AdminTokenId, TeamId, TenantId};
use crate::time::Timestamp;
use crate::token::TokenId;
use crate::virtual_key::{KeyStatus, TokenHash};

/// Who is acting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// A person at this machine who may read the home directory: the CLI, or the admin socket.
    LocalOwner,
    /// The holder of an admin token.
    Admin {
        /// Which token.
        id: AdminTokenId,
        /// What people call it.
        name: String,
        /// What it may do.
        role: Role,
        /// The part of the installation that it may see and change.
        realm: Realm,
    },
    /// Keyward itself: the config file, discovery, clean-up.
    System,
}

/// The part of an installation that a principal may see and change. Whatever is outside of it is not there for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Realm {
    /// All of it.
    #[default]
    Installation,
    /// What belongs to one tenant.
    Tenant(TenantId),
    /// What belongs to one team of a tenant.
    Team(TenantId, TeamId),
}

impl Realm {
    /// The tenant that it is confined to.
    pub const fn tenant(self) -> Option<TenantId> {
        match self {
            Self::Installation => None,
            Self::Tenant(tenant) | Self::Team(tenant, _) => Some(tenant),
        }
    }

    /// The team that it is confined to.
    pub const fn team(self) -> Option<TeamId> {
        match self {
            Self::Installation | Self::Tenant(_) => None,
            Self::Team(_, team) => Some(team),
        }
    }

    /// Whether everything in the other one is in this one too.
    pub fn contains(self, other: Self) -> bool {
        match self {
            Self::Installation => true,
            Self::Tenant(tenant) => other.tenant() == Some(tenant),
            Self::Team(..) => other == self,
        }
    }
}

/// What an operation works on, by how small a realm is enough for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Resource {
    /// The installation as a whole: providers and their keys, the vault, other tenants.
    Installation,
    /// What one tenant has.
    Tenant,
    /// What one team has.
    Team,
}

/// How much a principal may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Reads everything except secrets.
    Viewer,
    /// Changes keys, virtual keys, providers and models.
    Operator,
    /// Everything, including revealing secrets and issuing admin tokens.
    Owner,
}

/// What is asked of a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Look at it.
    Read,
    /// Create, change or delete it.
    Write,
    /// Have its secret shown.
    Reveal,
    /// Decide who may do what.
    Administer,
}

/// The answer to "may they?": the decision and its reason are one value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// They may.
    Allowed,
    /// They may not; this role would be needed.
    Needs(Role),
    /// They may not, because it works on more than their realm, whatever their role.
    BeyondRealm,
}

/// An admin token as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdminToken {
    /// Its id.
    pub id: AdminTokenId,
    /// The clear part of the token, for look-up.
    pub token_id: TokenId,
    /// To which tenant it belongs: the default one when it is for the whole installation.
    pub tenant: TenantId,
    /// What people call it.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// Whether it may be used.
    pub status: KeyStatus,
    /// The part of the installation that it may see and change.
    #[serde(default)]
    pub realm: Realm,
    /// Its hash.
    pub hash: TokenHash,
    /// When it was created.
    pub created_at: Timestamp,
    /// From when it is refused; `None` means never.
    pub expires_at: Option<Timestamp>,
    /// Grows by one with every change.
    pub revision: u64,
}

/// The one rule for API, CLI and UI. Denies what it does not know.
pub fn authorize(principal: &Principal, action: Action, resource: Resource) -> Decision {
    let needed = match action {
        Action::Read => Role::Viewer,
        Action::Write => Role::Operator,
        Action::Reveal | Action::Administer => Role::Owner,
    };
    match principal {
        Principal::Admin { role, .. } if *role < needed => Decision::Needs(needed),
        Principal::Admin { realm, .. } if !reaches(*realm, resource) => Decision::BeyondRealm,
        Principal::LocalOwner | Principal::System | Principal::Admin { .. } => Decision::Allowed,
    }
}

const fn reaches(realm: Realm, resource: Resource) -> bool {
    match realm {
        Realm::Installation => true,
        Realm::Tenant(_) => matches!(resource, Resource::Tenant | Resource::Team),
        Realm::Team(..) => matches!(resource, Resource::Team),
    }
}

impl Principal {
    /// The part of the installation that they may see and change.
    pub const fn realm(&self) -> Realm {
        match self {
            Self::LocalOwner | Self::System => Realm::Installation,
            Self::Admin { realm, .. } => *realm,
        }
    }

    /// How the audit log names them.
    pub fn label(&self) -> String {
        match self {
            Self::LocalOwner => "local-owner".to_owned(),
            Self::Admin { id, name, .. } => format!("{id} ({name})"),
            Self::System => "keyward".to_owned(),
        }
    }
}
