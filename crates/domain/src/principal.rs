//! Who asks something of the control plane, and the one rule that decides.

use serde::{Deserialize, Serialize};

use crate::ids::{AdminTokenId, TenantId};
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
    },
    /// Keyward itself: the config file, discovery, clean-up.
    System,
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
}

/// An admin token as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdminToken {
    /// Its id.
    pub id: AdminTokenId,
    /// The clear part of the token, for look-up.
    pub token_id: TokenId,
    /// Whose installation part it administers.
    pub tenant: TenantId,
    /// What people call it.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// Whether it may be used.
    pub status: KeyStatus,
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
pub fn authorize(principal: &Principal, action: Action) -> Decision {
    let needed = match action {
        Action::Read => Role::Viewer,
        Action::Write => Role::Operator,
        Action::Reveal | Action::Administer => Role::Owner,
    };
    match principal {
        Principal::LocalOwner | Principal::System => Decision::Allowed,
        Principal::Admin { role, .. } if *role >= needed => Decision::Allowed,
        Principal::Admin { .. } => Decision::Needs(needed),
    }
}

impl Principal {
    /// How the audit log names them.
    pub fn label(&self) -> String {
        match self {
            Self::LocalOwner => "local-owner".to_owned(),
            Self::Admin { id, name, .. } => format!("{id} ({name})"),
            Self::System => "keyward".to_owned(),
        }
    }
}
