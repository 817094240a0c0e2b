//! Leases: a provider key handed out to a caller for a short time, with a reservation, to be reported back. What is
//! reported counts for the pool and the ledger as a call through the gateway does.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::ids::{CredentialId, ProviderId, RequestId, TenantId};
use crate::ledger::{AttemptId, Attributed, callers_scopes, servers_scopes};
use crate::money::Nanodollars;
use crate::scope::Scope;
use crate::time::Timestamp;
use crate::token::TokenId;

/// A lease as it is kept. Never holds the secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Its id, and the id of its row in the ledger: a lease is one call of which Keyward sees the ends only.
    pub id: RequestId,
    /// Who pays.
    pub tenant: TenantId,
    /// The virtual key that asked for it.
    pub virtual_key: TokenId,
    /// The provider.
    pub provider: ProviderId,
    /// Its name when the lease was taken.
    pub provider_name: String,
    /// The key that was handed out.
    pub credential: CredentialId,
    /// Its name when the lease was taken.
    pub credential_name: String,
    /// The provider's model that it was taken for; `None` for any.
    pub model: Option<String>,
    /// When it was taken.
    pub taken_at: Timestamp,
    /// From this moment on it is over, reported or not.
    pub expires_at: Timestamp,
    /// What it may cost at most; `None` when the price is unknown.
    pub reserved: Option<Nanodollars>,
    /// Where it is in its life.
    pub state: LeaseState,
    /// When it ended; `None` while it is open.
    pub ended_at: Option<Timestamp>,
    /// How it ended, as a sentence for people; no secret, nothing of the provider's text. Empty while it is open.
    pub outcome: String,
    /// Whom it is attributed to besides its key; `None` when there is nobody else.
    #[serde(default)]
    pub attributed: Option<Arc<Attributed>>,
}

/// Where a lease is in its life. It ends once, and stays as it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeaseState {
    /// Handed out; nothing heard of it yet.
    Open,
    /// The caller said how it went.
    Reported,
    /// Its time was over without a report; settled as an estimate.
    Expired,
    /// Given back unused.
    Returned,
}

impl LeaseState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Open, Self::Reported, Self::Expired, Self::Returned];

    /// The word that rows and APIs use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Reported => "reported",
            Self::Expired => "expired",
            Self::Returned => "returned",
        }
    }

    /// The state that this word names.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

impl Lease {
    /// Its one row in the ledger.
    pub const fn attempt(&self) -> AttemptId {
        AttemptId { request: self.id, number: 1 }
    }

    /// Every scope that it touches: those of its row in the ledger.
    pub fn scopes(&self) -> Vec<Scope> {
        let mut scopes = callers_scopes(self.tenant, self.virtual_key, self.attributed.as_deref());
        let model = self.model.as_deref().unwrap_or_default();
        scopes.extend(servers_scopes(self.tenant, self.provider, self.credential, &self.provider_name, model));
        scopes
    }

    /// Whether `other` is this lease at the same or another point of its life: everything that was settled when it was
    /// taken is the same.
    pub fn is_same_as(&self, other: &Self) -> bool {
        let begun =
            |lease: &Self| Self { state: LeaseState::Open, ended_at: None, outcome: String::new(), ..lease.clone() };
        begun(self) == begun(other)
    }
}
