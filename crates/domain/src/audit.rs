//! The audit log: who did what to which object, and how it ended. Closed fields; never a secret, never free JSON.

use serde::{Deserialize, Serialize};

use crate::ids::{AuditId, TenantId};
use crate::principal::Principal;
use crate::time::Timestamp;

/// What a mutation hands in together with its changes; the store commits both or neither.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditDraft {
    /// The entry's id.
    pub id: AuditId,
    /// When it happened.
    pub at: Timestamp,
    /// Who did it.
    pub actor: String,
    /// Whose part of the installation.
    pub tenant: TenantId,
    /// What was done, as `noun.verb`: `key.add`, `vkey.rotate`.
    pub action: &'static str,
    /// What it was done to: an id, or a name where there is no id.
    pub object: String,
    /// How it ended.
    pub outcome: Outcome,
    /// What changed, in words that hold no secret, at most [`MAX_DETAIL`] characters.
    pub detail: String,
}

/// Longer details are cut.
pub const MAX_DETAIL: usize = 512;

/// How an audited action ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was done.
    Done,
    /// It was refused.
    Refused,
}

impl Outcome {
    /// The word that rows and APIs use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
        }
    }
}

/// An entry as it is read back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Position in the log, without gaps, from 1.
    pub seq: u64,
    /// The entry's id.
    pub id: AuditId,
    /// When it happened.
    pub at: Timestamp,
    /// Who did it.
    pub actor: String,
    /// Whose part of the installation.
    pub tenant: TenantId,
    /// What was done.
    pub action: String,
    /// What it was done to.
    pub object: String,
    /// How it ended.
    pub outcome: Outcome,
    /// What changed.
    pub detail: String,
}

impl AuditDraft {
    /// A draft for something that `principal` did successfully.
    pub fn done(
        id: AuditId,
        at: Timestamp,
        principal: &Principal,
        action: &'static str,
        object: &impl ToString,
    ) -> Self {
        Self {
            id,
            at,
            actor: principal.label(),
            tenant: TenantId::DEFAULT,
            action,
            object: object.to_string(),
            outcome: Outcome::Done,
            detail: String::new(),
        }
    }

    /// The draft with a detail, control characters removed and cut to [`MAX_DETAIL`].
    #[must_use]
    pub fn with_detail(mut self, detail: &str) -> Self {
        self.detail = detail.chars().filter(|c| !c.is_control()).take(MAX_DETAIL).collect();
        self
    }
}
