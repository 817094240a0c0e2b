//! A key as the configuration has it, ready to join a pool.

use keyward_domain::credential::CredentialState;
use keyward_domain::ids::CredentialId;
use keyward_domain::routing::KeyTerms;
use keyward_domain::time::Timestamp;

/// A key as the configuration has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Which key.
    pub credential: CredentialId,
    /// What people call it.
    pub name: String,
    /// What the operator decided about it: only an active one can be chosen.
    pub state: CredentialState,
    /// On which terms it is used.
    pub terms: KeyTerms,
    /// The models that it was seen to offer; empty when never discovered.
    pub models: Vec<String>,
    /// When it was last proved to work or not.
    pub proved_at: Option<Timestamp>,
}

impl Member {
    /// A key of which nothing more is known.
    pub fn new(credential: CredentialId, name: impl Into<String>, state: CredentialState, terms: KeyTerms) -> Self {
        Self { credential, name: name.into(), state, terms, models: Vec::new(), proved_at: None }
    }

    /// Whether the operator lets it be used at all.
    pub(crate) const fn is_in_use(&self) -> bool {
        matches!(self.state, CredentialState::Active)
    }
}
